// read_crl and its entries, one after another and at an offset.
#include <cstdlib>

#include "pki/x509/crl.h"
#include "pki/x509/crl_list.h"

using namespace piv;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    CrlList list;
    if (!read_crl({data, size}, list)) {
        return 0;
    }
    CrlEntryReader reader(list);
    CrlEntry entry;
    while (reader.next(entry) == CrlEntryReader::Step::Entry) {
        CrlEntry same;
        const auto offset = static_cast<std::uint64_t>(entry.whole.data() - data);
        if (!read_entry_at(list, offset, same) || same.serial != entry.serial) {
            std::abort();
        }
        Result<std::optional<CrlEntry>> found =
            find_entry(list, reader.certificate_issuer(), entry.serial);
        if (found && !found->has_value()) {
            std::abort();  // an entry that is there is found
        }
        if (entry.whole.end() - data > 4096) {
            break;  // find_entry reads the list through
        }
    }
    CrlSet set;
    (void)set.add({data, size}, "input");
    return 0;
}
