#include "image_builder/nss_database.h"

#include <algorithm>

#include "image_builder/browser_files.h"
#include "image_builder/nss_listing.h"
#include "image_builder/nss_modules.h"
#include "image_builder/stage_plan.h"
#include "pki/base/file.h"

namespace piv {

namespace {

struct Format {
    const char* prefix;  // before the folder, for NSS
    const char* certificates;
    const char* keys;
    const char* modules;
};

constexpr Format kSql{"sql", "cert9.db", "key4.db", "pkcs11.txt"};
constexpr Format kDbm{"dbm", "cert8.db", "key3.db", "secmod.db"};

// Trusted to name people to a server, and nothing else; an intermediate is only known, so that trust
// taken from its root is gone for it as well.
constexpr char kRootTrust[] = "T,,";
constexpr char kNoTrust[] = ",,";
constexpr char kDistrusted = 'p';

std::string nickname_of(const Certificate& certificate) {
    const std::string file = trust_file_name(certificate);
    return file.substr(0, file.rfind('.'));
}

std::string shortened(std::string text) {
    constexpr std::size_t kMost = 300;
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text.size() > kMost ? text.substr(0, kMost) + "..." : text;
}

// The two binary files of a database, as they are or shall be.
struct Files {
    std::optional<Bytes> certificates;
    std::optional<Bytes> keys;
};

class Maker {
  public:
    Maker(const Tree& tree, const std::vector<LintedCa>& chain, const NssDatabaseSettings& settings,
          const StagedFiles& staged, StagePlan& plan)
        : tree_(tree), chain_(chain), settings_(settings), staged_(staged), plan_(plan) {}

    Findings run() {
        for (const char* tool : {kCertutil, kModutil}) {
            if (!has_build_tool(tool) && (tool == kCertutil || settings_.old_format)) {
                problem(std::string("--nss-db: this machine has no ") + tool +
                            ", which makes the database",
                        "install nss-tools (libnss3-tools on Debian and Ubuntu) where you build");
                return std::move(out_);
            }
        }
        for (const std::string& folder : settings_.folders) {
            const std::optional<NssListing> sql = database(folder, kSql);
            modules_in_text(folder);
            if (sql && settings_.old_format) {
                const std::optional<NssListing> dbm = database(folder, kDbm);
                if (dbm) {
                    compare(folder, *sql, *dbm);
                    modules_in_secmod(folder);
                }
            }
            if (!out_.problems.empty()) {
                break;
            }
            plan_.notes.push_back("--nss-db: " + folder +
                                  " lists the chain, its roots trusted for "
                                  "client certificates only" +
                                  (settings_.old_format ? ", in both formats" : ""));
        }
        return std::move(out_);
    }

  private:
    void problem(std::string what, std::string hint, ErrorCode code = ErrorCode::ImageTree) {
        out_.problems.push_back({std::move(what), std::move(hint), code});
    }
    void problem(const std::string& folder, const Error& error) {
        problem("--nss-db: " + folder + ": " + shortened(error.detail),
                "look at that folder, or move its databases away", error.code);
    }

    // Absent is no error. `at` becomes the path that is to be written.
    std::optional<Bytes> present(std::string& at) {
        const Result<std::string> followed = tree_.follow(at);
        if (!followed) {
            problem(at, followed.error());
            return std::nullopt;
        }
        at = *followed;
        Result<Bytes> content = tree_.read_plain(at);
        if (content) {
            return std::move(*content);
        }
        if (content.code() != ErrorCode::FileNotFound) {
            problem(at, content.error());
        }
        return std::nullopt;
    }

    // A folder of our own for NSS, with these files and a list of modules that names none.
    Status lay_out(const WorkFolder& work, const std::string& name, const Format& format,
                   const Files& files) {
        Status s = work.make_folder(name);
        if (s && files.certificates) {
            s = work.write(name + "/" + format.certificates, *files.certificates);
        }
        if (s && files.keys) {
            s = work.write(name + "/" + format.keys, *files.keys);
        }
        return s;
    }

    Result<NssListing> listed(const WorkFolder& work, const std::string& name, const Format& format,
                              const Files& files) {
        if (!files.certificates) {
            return NssListing{};
        }
        if (Status s = lay_out(work, name, format, files); !s) {
            return std::move(s).error();
        }
        return list_nss_database(work, std::string(format.prefix) + ":" + name);
    }

    Status add(const WorkFolder& work, const std::string& database, const LintedCa& ca,
               const NssListing& before) {
        const Certificate& c = ca.input.certificate;
        const NssSubject* known = find_certificate(before, c.sha256_hex());
        std::string trust = ca.anchor ? kRootTrust : kNoTrust;
        if (known != nullptr && known->trust.size() == 1) {
            trust = ca.anchor ? with_client_trust(*known->trust.begin()) : *known->trust.begin();
        }
        const std::string file = "ca-" + c.sha256_hex() + ".pem";
        (void)work.write(file, ByteView(to_pem(c)));  // there already for the other format
        (void)work.write("no-password", ByteView(std::string_view("\n")));
        Result<ToolRun> run = run_build_tool(kCertutil,
                                             {"-A", "-d", database, "-f", "no-password", "-n",
                                              nickname_of(c), "-t", trust, "-a", "-i", file},
                                             work);
        if (!run) {
            return std::move(run).error();
        }
        if (run->status != 0) {
            return Error(ErrorCode::ImageTree,
                         database.substr(0, 4) + " " + kCertutil +
                             " -A: " + (run->output.empty() ? "says nothing" : run->output));
        }
        return {};
    }

    // Ours are in it, with the trust they are to have, and everything that was there still is.
    std::string wrong_in(const NssListing& before, const NssListing& after) const {
        for (const LintedCa& ca : chain_) {
            const NssSubject* subject = find_certificate(after, ca.input.certificate.sha256_hex());
            if (subject == nullptr) {
                return "does not list " + display_name(ca.input.certificate);
            }
            if (count_trust(*subject, kDistrusted) != 0) {
                return "distrusts " + display_name(ca.input.certificate);
            }
            if (count_trust(*subject, 'T') < roots_in(*subject)) {
                return "does not trust " + display_name(ca.input.certificate);
            }
        }
        for (const NssSubject& subject : before) {
            const bool kept =
                std::any_of(after.begin(), after.end(), [&subject](const NssSubject& one) {
                    return std::includes(one.sha256.begin(), one.sha256.end(),
                                         subject.sha256.begin(), subject.sha256.end()) &&
                           std::includes(one.nickname.begin(), one.nickname.end(),
                                         subject.nickname.begin(), subject.nickname.end());
                });
            if (!kept) {
                return "has lost a certificate that it had";
            }
        }
        return {};
    }

    std::size_t roots_in(const NssSubject& subject) const {
        return static_cast<std::size_t>(
            std::count_if(chain_.begin(), chain_.end(), [&subject](const LintedCa& ca) {
                return ca.anchor && subject.sha256.count(ca.input.certificate.sha256_hex()) != 0;
            }));
    }

    // Nothing to do: each of ours is there and it is certain which trust it has.
    bool complete(const NssListing& listing) const {
        return wrong_in(listing, listing).empty() &&
               std::all_of(chain_.begin(), chain_.end(), [&](const LintedCa& ca) {
                   return find_certificate(listing, ca.input.certificate.sha256_hex())
                              ->trust.size() == 1;
               });
    }

    // Makes the database of one format and plans it. What it lists; nothing when it could not be.
    std::optional<NssListing> database(const std::string& folder, const Format& format) {
        std::string certificates = folder + "/" + format.certificates;
        std::string keys = folder + "/" + format.keys;
        const Files original{present(certificates), present(keys)};
        for (const char* rest : {"-journal", "-wal"}) {
            if (tree_.exists(certificates + rest) || tree_.exists(keys + rest)) {
                problem("--nss-db: " + folder + ": a change of the database was not finished (" +
                            rest + ")",
                        "open it once with certutil in the image, so that it is");
            }
        }
        Result<WorkFolder> work = WorkFolder::make();
        if (!work) {
            problem(folder, work.error());
        }
        if (!out_.problems.empty()) {
            return std::nullopt;
        }
        const Result<NssListing> before = listed(*work, "original", format, original);
        if (!before) {
            problem(folder, before.error());
            return std::nullopt;
        }
        if (original.keys && complete(*before)) {
            return *before;
        }
        Result<Files> made = make(*work, format, original, *before);
        const Result<NssListing> after =
            made ? listed(*work, "again", format, *made) : Result<NssListing>(made.error());
        if (!after) {
            const bool unknown_format = &format == &kDbm && !original.certificates;
            problem("--nss-db: " + folder + ": " + shortened(after.error().detail),
                    unknown_format
                        ? "this machine's NSS may not have the old format (dbm) any more: build "
                          "where it has, as on Amazon Linux 2"
                        : "a database with a password of its own cannot be added to: do it in the "
                          "image with certutil",
                    after.error().code);
            return std::nullopt;
        }
        if (const std::string wrong = wrong_in(*before, *after); !wrong.empty()) {
            problem(
                "--nss-db: " + folder + ": read back, the " + format.prefix + " database " + wrong,
                "certutil -L -d " + std::string(format.prefix) + ":" + folder +
                    " shows what it lists");
            return std::nullopt;
        }
        reuse_staged(*work, format, {certificates, keys}, *after, *made);
        const std::string reason = "--nss-db: the chain, for programs that use NSS";
        stage_as_found(tree_, certificates, *made->certificates, reason, plan_);
        stage_as_found(tree_, keys, *made->keys, reason, plan_);
        return *after;
    }

    Result<Files> make(const WorkFolder& work, const Format& format, const Files& original,
                       const NssListing& before) {
        const std::string name = format.prefix;
        if (Status s = lay_out(work, name, format, original); !s) {
            return std::move(s).error();
        }
        for (const LintedCa& ca : chain_) {
            if (Status s = add(work, name + ":" + name, ca, before); !s) {
                return std::move(s).error();
            }
        }
        const std::string at = work.path() + "/" + name + "/";
        Result<Bytes> certificates = read_file(at + format.certificates, kMaxTreeFile);
        Result<Bytes> keys = read_file(at + format.keys, kMaxTreeFile);
        if (!certificates || !keys) {
            return Error(ErrorCode::ImageTree,
                         name + ": " + kCertutil + " made no database of that format");
        }
        return Files{std::move(*certificates), std::move(*keys)};
    }

    // Salts and times make two databases differ that list the same: what is staged stays then.
    void reuse_staged(const WorkFolder& work, const Format& format,
                      const std::pair<std::string, std::string>& paths, const NssListing& wanted,
                      Files& made) {
        const auto certificates = staged_.find(paths.first);
        const auto keys = staged_.find(paths.second);
        if (certificates == staged_.end() || keys == staged_.end()) {
            return;
        }
        const Files files{certificates->second, keys->second};
        const Result<NssListing> listing = listed(work, "staged", format, files);
        if (listing && *listing == wanted) {
            made = files;
        }
    }

    // Programs read one format or the other: both must give the same answer about the chain.
    void compare(const std::string& folder, const NssListing& sql, const NssListing& dbm) {
        for (const LintedCa& ca : chain_) {
            const std::string sha256 = ca.input.certificate.sha256_hex();
            const NssSubject* one = find_certificate(sql, sha256);
            const NssSubject* other = find_certificate(dbm, sha256);
            const auto trusted = [](const NssSubject* s) {
                return s != nullptr && count_trust(*s, 'T') != 0;
            };
            if (one == nullptr || other == nullptr || trusted(one) != trusted(other)) {
                problem("--nss-db: " + folder + ": the two formats do not agree about " +
                            display_name(ca.input.certificate),
                        "compare certutil -L -d sql:" + folder + " with dbm:" + folder);
            }
        }
    }

    void modules_in_text(const std::string& folder) {
        std::string at = folder + "/" + kSql.modules;
        const std::optional<Bytes> content = present(at);
        const std::string text = content ? std::string(content->begin(), content->end()) : "";
        const std::string with = add_nss_module(text, settings_.module);
        if (out_.problems.empty() && with != text) {
            stage_as_found(tree_, at, ByteView(with), "--nss-db: NSS loads the card's module",
                           plan_);
        }
    }

    // modutil loads what a list names, so it is never given the tree's own.
    void modules_in_secmod(const std::string& folder) {
        std::string at = folder + "/" + kDbm.modules;
        const std::optional<Bytes> content = present(at);
        if (content) {
            const Result<std::vector<NssModule>> known = read_secmod(*content);
            const auto has = [&](bool ours) {
                return std::any_of(known->begin(), known->end(), [&](const NssModule& m) {
                    return ours ? m.library == settings_.module
                                : !m.library.empty() && m.library != settings_.module;
                });
            };
            if (known && has(true)) {
                return;
            }
            if (!known || has(false)) {
                out_.warnings.push_back(
                    {"--nss-db: " + at + " is left as it is: " +
                         (known ? "it names modules of others, and adding to it would load them"
                                : known.error().detail),
                     "run in the image: modutil -force -dbdir dbm:" + folder + " -add " +
                         kNssDevice + " -libfile " + settings_.module,
                     ErrorCode::ImageTree});
                return;
            }
        }
        const Result<Bytes> made = make_secmod();
        if (!made) {
            problem(folder, made.error());
            return;
        }
        stage_as_found(tree_, at, *made, "--nss-db: NSS loads the card's module", plan_);
    }

    // modutil adds only what it can load, and takes another path for what it has: so NSS' own module
    // of root certificates is added under the name, then gets the path inside the image.
    Result<Bytes> make_secmod() {
        Result<WorkFolder> work = WorkFolder::make();
        if (!work) {
            return std::move(work).error();
        }
        Status s = work->make_folder(kDbm.prefix);
        const std::string database = std::string(kDbm.prefix) + ":" + kDbm.prefix;
        (void)work->write("no-password", ByteView(std::string_view("\n")));
        const std::vector<std::pair<const char*, std::vector<std::string>>> steps{
            {kCertutil, {"-N", "-d", database, "-f", "no-password"}},
            {kModutil,
             {"-force", "-dbdir", database, "-add", kNssDevice, "-libfile", "libnssckbi.so"}},
            {kModutil,
             {"-force", "-dbdir", database, "-rawadd",
              "library=" + settings_.module + " name=" + kNssDevice}}};
        for (const auto& [program, arguments] : steps) {
            Result<ToolRun> run =
                s ? run_build_tool(program, arguments, *work) : Result<ToolRun>(s.error());
            if (!run) {
                return std::move(run).error();
            }
            if (run->status != 0) {
                return Error(ErrorCode::ImageTree,
                             std::string(program) + ": " + shortened(run->output));
            }
        }
        Result<Bytes> made =
            read_file(work->path() + "/" + kDbm.prefix + "/" + kDbm.modules, kMaxTreeFile);
        if (!made) {
            return made;
        }
        const Result<std::vector<NssModule>> back = read_secmod(*made);
        if (!back) {
            return Error(back.code(), std::string(kModutil) + ": " + back.error().detail);
        }
        std::size_t ours = 0;
        for (const NssModule& m : *back) {
            ours += m.name == kNssDevice && m.library == settings_.module ? 1 : 0;
        }
        if (ours != 1 || back->size() != 2) {
            return Error(ErrorCode::ImageTree,
                         std::string(kModutil) + ": read back, the list is not what was added");
        }
        return made;
    }

    const Tree& tree_;
    const std::vector<LintedCa>& chain_;
    const NssDatabaseSettings& settings_;
    const StagedFiles& staged_;
    StagePlan& plan_;
    Findings out_;
};

}  // namespace

Findings plan_nss_database(const Tree& tree, const std::vector<LintedCa>& chain,
                           const NssDatabaseSettings& settings, const StagedFiles& staged,
                           StagePlan& plan) {
    return Maker(tree, chain, settings, staged, plan).run();
}

std::set<std::string> nss_database_names() {
    return {kSql.certificates, kSql.keys, kDbm.certificates, kDbm.keys};
}

}  // namespace piv
