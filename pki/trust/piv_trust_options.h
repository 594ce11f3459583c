// What the command line of piv-trust says, for its commands.
#pragma once

#include <string>
#include <vector>

#include "pki/base/time.h"
#include "pki/trust/trust_inventory.h"

namespace piv {

inline constexpr char kTrustTool[] = "piv-trust";

struct TrustOptions {
    TrustTree tree{"", kDefaultConfigFile};
    bool json = false;
    bool dry_run = false;
    bool force = false;
    bool timer = false;
    UnixTime now = 0;
    std::vector<std::string> files;
    std::string id;
    std::string state;
    std::string succeeds;
    std::string metrics;
    std::string source;         // federation: FILE or URL
    std::string relying_party;  // its copy
    std::vector<std::string> trusted;
    std::string entity;
    std::string seen;  // state file for "reported once"
    std::string saml_provider_arn;
    std::string key;
    std::string signer;
    std::string output = "trust-bundle.p7m";
    long long sequence = 0;
};

// The larger commands; each returns the exit status.
int run_federation(const TrustOptions& options);
int run_rollover(const TrustOptions& options);
int run_bundle_create(const TrustOptions& options);
int run_bundle_apply(const TrustOptions& options);

}  // namespace piv
