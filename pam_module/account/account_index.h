// From the account map to the file that the NSS module reads (pam_module/nss/database_format.h).
#pragma once

#include <string>
#include <vector>

#include "pam_module/account/account_map.h"

namespace piv {

inline constexpr char kAccountIndex[] = PIV_STATEDIR "/accounts.db";

/// Names and ids that the machine's own passwd(5) and group(5) have.
struct LocalNames {
    struct Entry {
        std::string name;
        unsigned long id = 0;
    };
    std::vector<Entry> users;
    std::vector<Entry> groups;
};
/// `root`/etc/passwd and `root`/etc/group; a missing file has no names. Error: FileUnreadable.
Result<LocalNames> read_local_names(const std::string& root);

struct CompiledIndex {
    Bytes content;
    std::size_t accounts = 0;
    std::size_t aliases = 0;
    std::vector<std::string> warnings;
};

/// Pure: equal inputs give equal bytes. `map_name` is for messages.
/// Errors: AccountCollision (a name or id that the machine has already), BadConfig.
Result<CompiledIndex> compile_account_index(const AccountMap& map, const LocalNames& local,
                                            const MappingSettings& settings,
                                            const std::string& map_name);

}  // namespace piv
