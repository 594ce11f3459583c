// An account map compiled for the NSS module, with passwd and shadow beside it.
#pragma once

#include "pam_module/account/account_index.h"
#include "pam_module/nss/lookup.h"
#include "tests/unit/temp_dir.h"

namespace piv::test {

class NssTree {
  public:
    static constexpr char kMap[] =
        "account carol 2001 2001 \"Carol Card, Room 1\" /home/carol /bin/bash\n"
        "account dave S-1-5-21-1-2-3-1104 2001 Dave D. Dee /home/dave /bin/sh\n"
        "account eve 2003 2003 \"\" /home/eve /bin/sh\n"
        "upn carol.card@corp.example.com -> carol\n"
        "upn al@other.example -> alice\n"
        "upn boss@corp.example.com -> root\n";
    static constexpr char kPasswd[] =
        "root:x:0:0:root:/root:/bin/bash\n"
        "daemon:x:1:1::/:/usr/sbin/nologin\n"
        "+::::::\n"
        "short:x:1\n"
        "nohome:x:1005:1005::: \n"
        "alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        "last:x:1001:1001::/home/last:/bin/sh";
    static constexpr char kShadow[] =
        "root:*:19000:0:99999:7:::\n"
        "alice:$y$hash:19001:1:99:7:5:19500:\n";

    explicit NssTree(std::string_view map = kMap) {
        const auto parsed = parse_account_map(map, "accounts");
        REQUIRE(parsed.ok());
        MappingSettings settings;
        settings.domains = {{"corp.example.com", "CORP"}, {"other.example", ""}};
        LocalNames local;
        local.users = {{"root", 0}, {"alice", 1000}};
        const auto index = compile_account_index(*parsed, local, settings, "accounts");
        REQUIRE(index.ok());
        content = index->content;
        database = dir.write("accounts.db", ByteView(content).text());
        passwd_file = dir.write("passwd", kPasswd);
        shadow_file = dir.write("shadow", kShadow, 0600);
    }
    [[nodiscard]] nss::Paths paths() const {
        return {database.c_str(), passwd_file.c_str(), shadow_file.c_str()};
    }
    TempDir dir;
    Bytes content;
    std::string database;
    std::string passwd_file;
    std::string shadow_file;
};

}  // namespace piv::test
