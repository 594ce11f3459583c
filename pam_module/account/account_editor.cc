#include "pam_module/account/account_editor.h"

#include <algorithm>

#include "pam_module/account/names.h"
#include "pki/base/text.h"
#include "pki/config/rooted_file.h"

namespace piv {

Result<LoadedMap> load_account_map(const AccountTree& tree) {
    const auto settings = load_settings(tree.config, "", ConfigTrust::RootOwned, tree.root);
    if (!settings) {
        return settings.error();
    }
    auto mapping = mapping_settings(*settings, tree.root);
    if (!mapping) {
        return std::move(mapping).error();
    }
    LoadedMap loaded;
    loaded.path = settings->mapping.accounts;
    loaded.settings = std::move(*mapping);
    const auto content = read_rooted(tree.root, loaded.path, kMaxAccountMap, Ownership::RootOnly);
    if (!content && content.code() != ErrorCode::FileNotFound) {
        return content.error();
    }
    if (content) {
        loaded.text = std::string(ByteView(*content).text());
    }
    auto map = parse_account_map(loaded.text, tree.root + loaded.path);
    if (!map) {
        return std::move(map).error();
    }
    loaded.map = std::move(*map);
    return loaded;
}

namespace {

Result<CompiledIndex> compile_for(const AccountTree& tree, const LoadedMap& loaded) {
    const auto local = read_local_names(tree.root);
    if (!local) {
        return local.error();
    }
    return compile_account_index(loaded.map, *local, loaded.settings, tree.root + loaded.path);
}

Result<CompileOutcome> write_index(const AccountTree& tree, CompiledIndex index) {
    const auto old = read_rooted(tree.root, kAccountIndex, 0x7FFFFFFFU, Ownership::RootOnly);
    CompileOutcome out;
    out.changed = !old || ByteView(*old) != ByteView(index.content);
    if (out.changed) {
        if (Status s = write_rooted(tree.root, kAccountIndex, index.content, 0644); !s) {
            return std::move(s).error();
        }
    }
    out.index = std::move(index);
    return out;
}

}  // namespace

Result<CompileOutcome> write_account_index(const AccountTree& tree, const LoadedMap& loaded) {
    auto index = compile_for(tree, loaded);
    if (!index) {
        return std::move(index).error();
    }
    return write_index(tree, std::move(*index));
}

Result<CompileOutcome> replace_account_map(const AccountTree& tree, const LoadedMap& loaded,
                                           const std::string& text) {
    LoadedMap changed = loaded;
    auto map = parse_account_map(text, tree.root + loaded.path);
    if (!map) {
        return std::move(map).error();
    }
    changed.text = text;
    changed.map = std::move(*map);
    auto index = compile_for(tree, changed);
    if (!index) {
        return std::move(index).error();
    }
    if (text != loaded.text) {
        if (Status s = write_rooted(tree.root, loaded.path, ByteView(std::string_view(text)), 0644);
            !s) {
            return std::move(s).error();
        }
    }
    auto written = write_index(tree, std::move(*index));
    if (!written && text != loaded.text) {  // a tool that fails has changed nothing
        (void)write_rooted(tree.root, loaded.path, ByteView(std::string_view(loaded.text)), 0644);
    }
    return written;
}

Result<std::string> line_for(const Certificate& certificate, const NewLine& line) {
    const auto values = certificate_values(certificate, line.kind);
    if (!values) {
        return values.error();
    }
    const std::string key(to_text(line.kind));
    if (values->empty()) {
        return Error(ErrorCode::NotMapped, "the certificate has no " + key);
    }
    if (!is_account_name(line.user)) {
        return Error(ErrorCode::BadUsage, "'" + line.user + "' is not the name of an account");
    }
    if (escape_for_display(line.comment) != line.comment) {
        return Error(ErrorCode::BadUsage, "the comment has characters that cannot be shown");
    }
    return key + " " + values->front() + " -> " + line.user +
           (line.until.empty() ? "" : " until " + line.until) +
           (line.comment.empty() ? "" : " # " + line.comment) + "\n";
}

void keep_mapped(const AccountTree& tree, const Certificate& certificate) {
    (void)write_rooted(tree.root,
                       std::string(kMappedCertificates) + "/" + certificate.sha256_hex() + ".der",
                       certificate.der(), 0644)
        .ok();
}

void forget_unmapped(const AccountTree& tree, const AccountMap& map) {
    const auto folder = RootedFolder::open(tree.root, kMappedCertificates);
    const auto names =
        folder ? folder->list(".der") : Result<std::vector<std::string>>(folder.error());
    if (!names) {
        return;
    }
    for (const std::string& name : *names) {
        const auto der = folder->read(name, 1U << 16U);
        const auto certificate =
            der ? Certificate::from_der(*der) : Result<Certificate>(der.error());
        const bool fits =
            certificate.ok() &&
            std::any_of(map.lines.begin(), map.lines.end(), [&certificate](const MapLine& line) {
                const auto values = certificate_values(*certificate, line.kind);
                return values.ok() &&
                       std::find(values->begin(), values->end(), line.value) != values->end();
            });
        if (!fits) {
            (void)folder->remove(name).ok();
        }
    }
}

std::string without_lines(const std::string& text, const std::vector<int>& lines) {
    std::string out;
    int number = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = std::min(text.find('\n', i), text.size() - 1) + 1;
        ++number;
        if (std::find(lines.begin(), lines.end(), number) == lines.end()) {
            out += text.substr(i, end - i);
        }
        i = end;
    }
    return out;
}

}  // namespace piv
