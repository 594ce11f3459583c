// SIDs to ids as SSSD does it, against SSSD's own library in the same run.
extern "C" {
#include <sss_idmap.h>
}

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "pam_module/account/sid_mapping.h"

namespace {

// SSSD's default for ldap_idmap_helper_table_size.
constexpr int kExtraSlices = 10;

struct Domain {
    sss_idmap_ctx* ctx = nullptr;
    explicit Domain(const std::string& sid) {
        sss_idmap_range range{};
        id_t slice = static_cast<id_t>(-1);
        good = sss_idmap_init(nullptr, nullptr, nullptr, &ctx) == IDMAP_SUCCESS &&
               sss_idmap_ctx_set_extra_slice_init(ctx, kExtraSlices) == IDMAP_SUCCESS &&
               sss_idmap_calculate_range(ctx, sid.c_str(), &slice, &range) == IDMAP_SUCCESS &&
               sss_idmap_add_auto_domain_ex(ctx, sid.c_str(), sid.c_str(), &range, nullptr, 0,
                                            false, nullptr, nullptr) == IDMAP_SUCCESS;
    }
    ~Domain() { (void)sss_idmap_free(ctx); }
    Domain(const Domain&) = delete;
    Domain& operator=(const Domain&) = delete;
    bool good = false;
};

}  // namespace

int main() {
    std::mt19937 random(20260101);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same SIDs each time
    std::uniform_int_distribution<std::uint32_t> any;
    int compared = 0;
    int wrong = 0;
    int refused = 0;
    for (int d = 0; d < 2000; ++d) {
        const std::string sid = "S-1-5-21-" + std::to_string(any(random)) + "-" +
                                std::to_string(any(random)) + "-" + std::to_string(any(random));
        const Domain domain(sid);
        if (!domain.good) {
            std::printf("%s: sss_idmap does not take it\n", sid.c_str());
            return 2;
        }
        for (const std::uint32_t rid : {0U, 500U, 513U, 1000U, 1104U, 199999U, 200000U, 200001U,
                                        399999U, 1234567U, any(random) % 2000000U}) {
            const std::string account = sid + "-" + std::to_string(rid);
            const auto ours = piv::sid_to_id(account);
            if (!ours) {  // refused, because two slices of the domain have one hash
                ++refused;
                continue;
            }
            std::uint32_t theirs = 0;
            ++compared;
            if (sss_idmap_sid_to_unix(domain.ctx, account.c_str(), &theirs) != IDMAP_SUCCESS ||
                *ours != theirs) {
                std::printf("%s: ours %u, theirs %u\n", account.c_str(), *ours, theirs);
                ++wrong;
            }
        }
    }
    std::printf("%d SIDs compared, %d wrong, %d refused\n", compared, wrong, refused);
    return wrong == 0 && refused < 20 && compared + refused == 2000 * 11 ? 0 : 1;
}
