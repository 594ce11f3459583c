// The overlay tar, by libarchive.
#include <set>

#include "image_builder/export_set.h"
#include "image_builder/tree.h"

#ifdef PIV_HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

#include <memory>
#endif

namespace piv {

#ifdef PIV_HAVE_ARCHIVE

namespace {

struct WriterDeleter {
    void operator()(archive* a) const noexcept { (void)archive_write_free(a); }
};
struct EntryDeleter {
    void operator()(archive_entry* e) const noexcept { archive_entry_free(e); }
};

la_ssize_t append(archive*, void* out, const void* data, std::size_t size) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
}

class TarWriter {
  public:
    explicit TarWriter(std::int64_t time) : time_(time), writer_(archive_write_new()) {}

    Status open() {
        archive* a = writer_.get();
        if (a == nullptr || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
            archive_write_set_bytes_per_block(a, 10240) != ARCHIVE_OK ||
            archive_write_open(a, &out_, nullptr, append, nullptr) != ARCHIVE_OK) {
            return failed();
        }
        return {};
    }
    Status add(const std::string& path, const Holding& holding, ByteView content) {
        const std::unique_ptr<archive_entry, EntryDeleter> entry(archive_entry_new());
        archive_entry* e = entry.get();
        archive_entry_set_pathname(e, path.substr(1).c_str());
        archive_entry_set_uid(e, holding.uid);
        archive_entry_set_gid(e, holding.gid);
        archive_entry_set_mtime(e, time_, 0);
        switch (holding.kind) {
            case NodeKind::Folder:
                archive_entry_set_filetype(e, AE_IFDIR);
                archive_entry_set_perm(e, 0755);
                break;
            case NodeKind::Link:
                archive_entry_set_filetype(e, AE_IFLNK);
                archive_entry_set_perm(e, 0777);
                archive_entry_set_symlink(e, holding.target.c_str());
                break;
            default:
                archive_entry_set_filetype(e, AE_IFREG);
                archive_entry_set_perm(e, static_cast<mode_t>(holding.mode));
                archive_entry_set_size(e, static_cast<la_int64_t>(content.size()));
                break;
        }
        if (archive_write_header(writer_.get(), e) != ARCHIVE_OK ||
            archive_write_data(writer_.get(), content.data(), content.size()) !=
                static_cast<la_ssize_t>(content.size())) {
            return failed();
        }
        return {};
    }
    Result<std::string> finish() {
        if (archive_write_close(writer_.get()) != ARCHIVE_OK) {
            return failed().error();
        }
        return std::move(out_);
    }

  private:
    Status failed() {
        const char* why = writer_ != nullptr ? archive_error_string(writer_.get()) : nullptr;
        return Error(ErrorCode::ImageTree,
                     std::string("the tar file: ") + (why != nullptr ? why : "out of memory"));
    }
    std::int64_t time_;
    std::string out_;
    std::unique_ptr<archive, WriterDeleter> writer_;  // ends before what it writes to
};

}  // namespace

Result<std::string> overlay_tar(const RootDir& root, const ExportSet& set, std::int64_t time) {
    std::map<std::string, Holding> members;
    for (const ManifestEntry& entry : set.manifest.entries) {
        if (entry.staged != entry.original) {  // what was so before needs no overlay
            members[entry.path] = entry.staged;
        }
    }
    Holding folder;
    folder.kind = NodeKind::Folder;
    for (const std::string& made : set.manifest.folders) {
        const std::string staging = kStagingFolder;
        if (made.compare(0, staging.size(), staging) != 0) {
            members[made] = folder;
        }
    }
    TarWriter writer(time);
    if (Status s = writer.open(); !s) {
        return std::move(s).error();
    }
    for (const auto& [path, holding] : members) {
        Bytes content;
        if (holding.kind == NodeKind::File) {
            Result<Bytes> read = root.read(path, kMaxTreeFile * 4);
            if (!read) {
                return std::move(read).error();
            }
            content = std::move(*read);
        }
        if (Status s = writer.add(path, holding, content); !s) {
            return std::move(s).error();
        }
    }
    return writer.finish();
}

#else

Result<std::string> overlay_tar(const RootDir&, const ExportSet&, std::int64_t) {
    return Error(ErrorCode::ImageTree, "this build has no libarchive, which writes tar files");
}

#endif

}  // namespace piv
