#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "image_builder/import_config.h"
#include "pki/config/ini.h"

namespace piv {

namespace {

// scconf: `key = value, value;` and `block [label] { ... }`; "#" starts a comment.
struct Block {
    std::string kind;
    std::string label;
    std::map<std::string, std::vector<std::string>> values;
    std::vector<std::unique_ptr<Block>> blocks;

    [[nodiscard]] std::string first(const std::string& key) const {
        const auto it = values.find(key);
        return it == values.end() || it->second.empty() ? std::string() : it->second.front();
    }
    [[nodiscard]] bool yes(const std::string& key) const { return first(key) == "true"; }
    [[nodiscard]] const Block* find(const std::string& what, const std::string& name) const {
        for (const auto& block : blocks) {
            if (block->kind == what && (name.empty() || block->label == name)) {
                return block.get();
            }
        }
        return nullptr;
    }
};

struct Token {
    std::string text;
    int line = 0;
    bool quoted = false;
};

std::vector<Token> tokens_of(const std::string& text) {
    std::vector<Token> out;
    int line = 1;
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        if (c == '\n') {
            ++line;
            ++i;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            ++i;
        } else if (c == '#') {
            i = std::min(text.find('\n', i), text.size());
        } else if (c == '"') {
            const std::size_t end = std::min(text.find('"', i + 1), text.size());
            out.push_back({text.substr(i + 1, end - i - 1), line, true});
            line +=
                static_cast<int>(std::count(text.begin() + static_cast<std::ptrdiff_t>(i),
                                            text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
            i = std::min(end + 1, text.size());
        } else if (std::string_view("{}=;,").find(c) != std::string_view::npos) {
            out.push_back({std::string(1, c), line, false});
            ++i;
        } else {
            const std::size_t end = std::min(text.find_first_of(" \t\r\n{}=;,\"#", i), text.size());
            out.push_back({text.substr(i, end - i), line, false});
            i = end;
        }
    }
    return out;
}

class Parser {
  public:
    Parser(std::vector<Token> tokens, std::string name)
        : tokens_(std::move(tokens)), name_(std::move(name)) {}

    Result<std::unique_ptr<Block>> run() {
        auto top = std::make_unique<Block>();
        if (Status s = body(*top, 0); !s) {
            return std::move(s).error();
        }
        return top;
    }

  private:
    [[nodiscard]] bool is(std::size_t at, const char* mark) const {
        return at < tokens_.size() && !tokens_[at].quoted && tokens_[at].text == mark;
    }
    [[nodiscard]] Error bad(const std::string& what) const {
        const int line = tokens_.empty() ? 1 : tokens_[std::min(at_, tokens_.size() - 1)].line;
        return {ErrorCode::BadConfig, name_ + ":" + std::to_string(line) + ": " + what};
    }

    Status body(Block& block, int depth) {
        if (depth > 8) {
            return bad("blocks within blocks");
        }
        while (at_ < tokens_.size() && !is(at_, "}")) {
            if (is(at_, ";")) {
                ++at_;
            } else if (is(at_ + 1, "=")) {
                value(block);
            } else if (is(at_ + 1, "{") || is(at_ + 2, "{")) {
                auto inner = std::make_unique<Block>();
                inner->kind = tokens_[at_++].text;
                inner->label = is(at_, "{") ? std::string() : tokens_[at_++].text;
                ++at_;
                if (Status s = body(*inner, depth + 1); !s) {
                    return s;
                }
                if (!is(at_, "}")) {
                    return bad("a block is not closed");
                }
                ++at_;
                block.blocks.push_back(std::move(inner));
            } else {
                return bad("neither a setting nor a block: " + tokens_[at_].text);
            }
        }
        return depth == 0 && at_ < tokens_.size() ? Status(bad("a } too many")) : Status();
    }

    // Up to ";", or to the end of the line where that was forgotten.
    void value(Block& block) {
        const std::string key = tokens_[at_].text;
        at_ += 2;
        int line = at_ < tokens_.size() ? tokens_[at_].line : 0;
        while (at_ < tokens_.size() && !is(at_, ";") && !is(at_, "}") &&
               tokens_[at_].line == line) {
            if (is(at_, ",")) {
                if (at_ + 1 < tokens_.size()) {
                    line = tokens_[at_ + 1].line;
                }
            } else {
                block.values[key].push_back(tokens_[at_].text);
            }
            ++at_;
        }
    }

    std::vector<Token> tokens_;
    std::string name_;
    std::size_t at_ = 0;
};

// X509_NAME_oneline(), "/C=US/O=X/CN=Y", as RFC 4514 text, "CN=Y,O=X,C=US".
std::string rfc4514_of(const std::string& oneline) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    while (at < oneline.size() && oneline[at] == '/') {
        std::size_t next = at;
        do {  // a "/" within a value is followed by no TYPE=
            next = oneline.find('/', next + 1);
        } while (next != std::string::npos && oneline.find('=', next) == std::string::npos);
        const std::string part =
            oneline.substr(at + 1, next == std::string::npos ? std::string::npos : next - at - 1);
        std::string escaped;
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (std::string_view(",+\"\\<>;").find(part[i]) != std::string_view::npos) {
                escaped += '\\';
            }
            escaped += part[i];
        }
        parts.insert(parts.begin(), escaped);
        at = next == std::string::npos ? oneline.size() : next;
    }
    std::string out;
    for (const std::string& part : parts) {
        out += (out.empty() ? "" : ",") + part;
    }
    return out;
}

class Importer {
  public:
    Importer(const Tree& tree, const Block& top, ImportedConfig& out)
        : tree_(tree), top_(top), out_(out) {}

    void run() {
        module();
        const auto it = top_.values.find("use_mappers");
        for (const std::string& name :
             it == top_.values.end() ? std::vector<std::string>{} : it->second) {
            mapper(name);
        }
        if (top_.yes("nullok")) {
            out_.leave("nullok = true", "an empty PIN is never sent to a card");
        }
        if (top_.yes("card_only")) {
            out_.leave("card_only = true",
                       "stage with --mode required, or put card_only on the "
                       "line of pam_piv.so");
        }
        if (top_.yes("wait_for_card")) {
            out_.settings["card"]["wait"] = "30";
        }
    }

  private:
    void module() {
        const std::string name = top_.first("use_pkcs11_module");
        const Block* block = top_.find("pkcs11_module", name);
        if (block == nullptr) {
            out_.leave("use_pkcs11_module = " + name, "there is no pkcs11_module of that name");
            return;
        }
        const std::string path = block->first("module");
        if (path.find("opensc") == std::string::npos && !path.empty() && path.front() == '/') {
            out_.settings["card"]["backend"] = "pkcs11";
            out_.settings["card"]["module"] = path;
        }
        const std::string reader = block->first("slot_description");
        if (!reader.empty() && reader != "none") {
            out_.settings["card"]["reader"] = reader;
        }
        if (!block->first("slot_num").empty() && block->first("slot_num") != "0") {
            out_.leave("slot_num = " + block->first("slot_num"),
                       "slots change their numbers: name the reader, [card] reader = PATTERN");
        }
        policy(*block);
        authorities(*block);
    }

    void policy(const Block& block) {
        const auto it = block.values.find("cert_policy");
        const std::vector<std::string> words =
            it == block.values.end() ? std::vector<std::string>{} : it->second;
        const auto has = [&words](const char* word) {
            return std::find(words.begin(), words.end(), word) != words.end();
        };
        if (has("ocsp_on")) {
            out_.settings["revocation"]["ocsp"] = "require";
        }
        if (has("crl_offline") || has("crl_auto")) {
            const std::string folder = block.first("crl_dir");
            if (!folder.empty() && folder.front() == '/') {
                out_.settings["trust"]["crl"] = folder;
            }
        }
        if (!has("ocsp_on") && !has("crl_offline") && !has("crl_auto") && !has("crl_online")) {
            out_.leave("cert_policy without ocsp_on or crl_auto",
                       "revocation is asked here: if no responder can be reached, say "
                       "[revocation] ocsp = soft or off yourself");
        }
        if (!has("ca") || !has("signature")) {
            out_.leave("cert_policy without ca or signature",
                       "chain and possession are always checked");
        }
    }

    void authorities(const Block& block) {
        const std::string place = block.first("ca_dir");
        if (place.empty() || place.front() != '/') {
            if (!block.first("nss_dir").empty()) {
                out_.leave("nss_dir = " + block.first("nss_dir"),
                           "take each CA out: certutil -L -d " + block.first("nss_dir") +
                               " -n NAME -a > ca.pem");
            }
            return;
        }
        const Result<std::vector<std::string>> names = tree_.list(place);
        if (!names || names->empty()) {
            if (tree_.exists(place)) {
                out_.ca_files.push_back(place);
            }
            return;
        }
        for (const std::string& name : *names) {
            const Result<Node> node = tree_.node(place + "/" + name);
            if (node.ok() && node->kind == NodeKind::File) {  // links are the hashes
                out_.ca_files.push_back(place + "/" + name);
            }
        }
    }

    void use(const std::string& kind) {
        if (std::find(out_.map.begin(), out_.map.end(), kind) == out_.map.end()) {
            out_.map.push_back(kind);
        }
    }

    void mapper(const std::string& name) {
        static const Block none;
        const Block* found = top_.find("mapper", name);
        const Block& block = found == nullptr ? none : *found;
        const std::string what = "mapper " + name;
        if (name == "ms") {
            use("upn");
            const std::string domain = block.first("domainname");
            if (!domain.empty()) {
                out_.domains.push_back(domain);
            }
            if (block.yes("ignoredomain") || domain.empty()) {
                out_.leave(what + " for any domain",
                           "name each UPN suffix: [mapping] domain = DNS=NETBIOS; others map to "
                           "nobody");
            }
        } else if (name == "subject" || name == "mail" || name == "digest") {
            lines(name, block);
        } else if (name == "null") {
            if (block.yes("default_match")) {
                out_.leave(what + " with default_match", "no card ever matches everybody here");
            }
        } else if (name == "cn" || name == "uid" || name == "pwent" || name == "generic") {
            out_.leave(what,
                       "names in a certificate are not unique, and people can edit some of "
                       "them: piv-accounts add --from-cert FILE --user NAME");
        } else {
            out_.leave(what, "export its users: piv-accounts add --from-cert FILE --user NAME");
        }
    }

    // KEY -> USER, one a line.
    void lines(const std::string& name, const Block& block) {
        std::string path = block.first("mapfile");
        path = path.compare(0, 7, "file://") == 0 ? path.substr(7) : path;
        const std::string algorithm = block.first("algorithm");
        if (name == "digest" && algorithm != "sha256") {
            out_.leave("mapper digest with " + (algorithm.empty() ? "sha1" : algorithm),
                       "only SHA-256 names a certificate here: piv-accounts add --from-cert FILE "
                       "--user NAME --key cert-sha256");
            return;
        }
        const Result<std::string> text =
            path.empty() || path == "none" ? Result<std::string>(Error(ErrorCode::FileNotFound, ""))
                                           : tree_.read(path);
        if (!text) {
            out_.leave("mapper " + name, path.empty() || path == "none"
                                             ? "it has no mapfile, and a name alone decides nothing"
                                             : path + " cannot be read");
            return;
        }
        std::istringstream input(*text);
        std::string line;
        while (std::getline(input, line)) {
            line = line.substr(0, line.find('\r'));
            const std::string_view whole = trim(line);
            const std::size_t arrow = whole.find("->");
            if (whole.empty() || whole.front() == '#' || arrow == std::string_view::npos) {
                continue;
            }
            account(name, std::string(trim(whole.substr(0, arrow))),
                    std::string(trim(whole.substr(arrow + 2))));
        }
    }

    void account(const std::string& name, std::string key, const std::string& user) {
        const bool plain = user.find_first_of(" \t#") == std::string::npos && !user.empty();
        std::string kind = name == "mail" ? "email" : name;
        if (name == "subject") {
            key = rfc4514_of(key);
        } else if (name == "digest") {
            kind = "cert-sha256";
            key.erase(std::remove(key.begin(), key.end(), ':'), key.end());
            std::transform(key.begin(), key.end(), key.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        }
        const bool digest_good = name != "digest" || key.size() == 64;
        if (!plain || key.empty() || !digest_good) {
            out_.leave("map line for " + (user.empty() ? "nobody" : user),
                       "it cannot be read: piv-accounts add --from-cert FILE --user NAME");
            return;
        }
        use("file");
        if (kind != "cert-sha256" && weak_.insert(kind).second) {
            out_.leave(
                kind + " lines of the account map count only with [mapping] allow_weak = yes",
                "better replace each by piv-accounts add --from-cert FILE --user NAME");
        }
        out_.accounts.push_back(kind + " " + key + " -> " + user);
    }

    const Tree& tree_;
    const Block& top_;
    ImportedConfig& out_;
    std::set<std::string> weak_;
};

}  // namespace

Status import_pam_pkcs11(const Tree& tree, const std::string& path, ImportedConfig& out) {
    Result<std::string> text = tree.read(path);
    if (!text) {
        return std::move(text).error();
    }
    Result<std::unique_ptr<Block>> top = Parser(tokens_of(*text), path).run();
    if (!top) {
        return std::move(top).error();
    }
    const Block* block = (*top)->find("pam_pkcs11", "");
    if (block == nullptr) {
        return Error(ErrorCode::BadConfig, path + ": has no block pam_pkcs11");
    }
    Importer(tree, *block, out).run();
    return {};
}

}  // namespace piv
