#include "image_builder/export_command.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "image_builder/ca_lint.h"
#include "image_builder/export_set.h"
#include "image_builder/report.h"
#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

constexpr UnixTime kDirectoryDays = 90;  // AD Connector registers no CA that ends sooner
constexpr std::size_t kDirectoryMax = 100;

struct Output {
    std::string path;
    std::string content;
    unsigned mode = 0644;
};

std::vector<Problem> directory_warnings(const ExportSet& set, UnixTime now) {
    std::vector<Problem> out;
    const auto warn = [&out](std::string what, const char* hint) {
        out.push_back({std::move(what), hint, ErrorCode::ImageInput});
    };
    for (const ExportCertificate& c : set.certificates) {
        if (c.certificate.not_after() - now < kDirectoryDays * 86400) {
            warn(c.file + ": ends at " + format_time(c.certificate.not_after()),
                 "AD Connector registers no CA with less than 90 days left");
        }
        if (ca_facts(c.certificate).pss) {
            warn(c.file + ": is signed with RSASSA-PSS", "AD Connector does not register such CAs");
        }
    }
    if (set.certificates.size() > kDirectoryMax) {
        warn(std::to_string(set.certificates.size()) + " CA certificates",
             "a directory registers at most 100: leave out those that issue no cards");
    }
    if (set.ocsp_urls.empty()) {
        warn("no OCSP address was staged",
             "stage with --ocsp-url, or the directory asks the address in each card");
    }
    return out;
}

Result<std::vector<Output>> outputs_of(const RootDir& root, const ExportSet& set,
                                       const StageCommand& command, const ExportSettings& to) {
    std::vector<Output> out;
    if (to.format == "ad-connector") {
        for (const ExportCertificate& c : set.certificates) {
            out.push_back({to.output + "/" + c.file, c.pem, 0644});
        }
        out.push_back({to.output + "/register.sh", export_ad_connector_script(set), 0755});
    } else if (to.format == "overlay-tar") {
        Result<std::string> tar = overlay_tar(root, set, command.epoch.value_or(0));
        if (!tar) {
            return std::move(tar).error();
        }
        out.push_back({to.output, std::move(*tar), 0644});
    } else if (to.format == "image-builder-component") {
        out.push_back({to.output, export_component(set), 0644});
    } else if (to.format == "packer") {
        out.push_back({to.output, export_packer(set), 0644});
    } else {
        out.push_back({to.output, export_ansible(set), 0644});
    }
    return out;
}

Status write_outputs(const std::vector<Output>& outputs, const ExportSettings& to, bool force) {
    for (const Output& output : outputs) {
        struct stat st {};
        if (lstat(output.path.c_str(), &st) == 0 && (!force || !S_ISREG(st.st_mode))) {
            return Error(ErrorCode::ImageInput, output.path + ": exists already");
        }
    }
    if (to.format == "ad-connector" && mkdir(to.output.c_str(), 0755) != 0 && errno != EEXIST) {
        return Error(ErrorCode::WriteFailed, to.output + ": " + errno_text(errno));
    }
    for (const Output& output : outputs) {
        if (Status s = write_file_atomically(output.path, ByteView(output.content), output.mode);
            !s) {
            return s;
        }
    }
    return {};
}

}  // namespace

int run_export(const StageCommand& command, const ExportSettings& settings) {
    Result<RootDir> root = RootDir::open(command.root);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    Result<ExportSet> set = read_export_set(*root);
    if (!set) {
        return fail(command.tool, set.error(), command.json);
    }
    Result<std::vector<Output>> outputs = outputs_of(*root, *set, command, settings);
    if (!outputs) {
        return fail(command.tool, outputs.error(), command.json);
    }
    if (Status s = write_outputs(*outputs, settings, command.force); !s) {
        return fail(command.tool, s.error(), command.json);
    }
    std::vector<Problem> warnings;
    if (settings.format == "ad-connector") {
        warnings = directory_warnings(*set, command.options.now);
    }
    Json document{
        {"format", settings.format}, {"written", Json::array()}, {"warnings", Json::array()}};
    for (const Problem& warning : warnings) {
        document["warnings"].push_back(problem_json(warning));
        print_warning(command.tool, warning);
    }
    for (const Output& output : *outputs) {
        document["written"].push_back(output.path);
        if (!command.json) {
            std::printf("wrote        %s\n", escape_for_display(output.path, 4096).c_str());
        }
    }
    if (command.json) {
        print_json(document);
    }
    return 0;
}

}  // namespace piv
