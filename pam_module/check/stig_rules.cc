#include "pam_module/check/stig_rules.h"

#include <sstream>

namespace piv {

const std::array<StigGuide, kStigGuides> kStigGuideTable = {{
    {"el7", "Oracle Linux 7 STIG V3R1 (for Amazon Linux 2, which has none, too)"},
    {"el8", "RHEL 8 STIG V2R8"},
    {"el9", "RHEL 9 STIG V2R9"},
    {"el10", "RHEL 10 STIG V1R2"},
    {"ubuntu2204", "Ubuntu 22.04 STIG V2R8"},
    {"al2023", "Amazon Linux 2023 STIG V1R3"},
}};

// Ids from DISA's manual XCCDFs of the releases above.
const std::array<StigRow, kStigTopics> kStigRows = {{
    {StigTopic::TrustAnchor,
     "certificates are validated by a path to an accepted trust anchor",
     {"", "RHEL-08-010090 V-230229", "RHEL-09-631010 V-258131", "RHEL-10-701270 V-281329",
      "UBTU-22-612030 V-260577, UBTU-22-631010 V-260580", "AZLX-23-001310 V-274063"}},
    {StigTopic::Packages,
     "the packages for multifactor authentication are installed",
     {"OL07-00-041001 V-221895", "RHEL-08-010390 V-230273",
      "RHEL-09-611175 V-258124, RHEL-09-611185 V-258126, RHEL-09-215075 V-257838",
      "RHEL-10-200610 V-280972, RHEL-10-200612 V-280974, RHEL-10-200620 V-280975",
      "UBTU-22-612010 V-260573, UBTU-22-254010 V-274864", "AZLX-23-001115 V-274034"}},
    {StigTopic::PcscdSocket,
     "the pcscd socket is active",
     {"", "", "RHEL-09-611180 V-258125", "RHEL-10-200611 V-280973", "", ""}},
    {StigTopic::CertificateStatus,
     "certificate status is checked",
     {"OL07-00-041003 V-221897", "RHEL-08-010400 V-230274", "RHEL-09-611170 V-258123",
      "RHEL-10-701230 V-281325", "UBTU-22-612025 V-260576, UBTU-22-254020 V-274867",
      "AZLX-23-001300 V-274061"}},
    {StigTopic::RevocationCache,
     "revocation data is cached locally for when the network cannot be reached",
     {"", "", "", "", "UBTU-22-612035 V-260578", ""}},
    {StigTopic::PivAccepted,
     "PIV credentials are accepted",
     {"", "RHEL-08-010410 V-230275", "RHEL-09-611160 V-258121", "RHEL-10-200621 V-280976",
      "UBTU-22-612015 V-260574", ""}},
    {StigTopic::CardLogin,
     "smart card login is on",
     {"OL07-00-010061 V-221658, OL07-00-010500 V-221703, OL07-00-041002 V-221896",
      "RHEL-08-020250 V-230372", "RHEL-09-611165 V-258122", "RHEL-10-701220 V-281324",
      "UBTU-22-612020 V-260575, UBTU-22-254015 V-274866", "AZLX-23-001290 V-274059"}},
    {StigTopic::IdentityMap,
     "the authenticated identity is mapped to the user account",
     {"", "RHEL-08-020090 V-230355", "RHEL-09-631015 V-258132", "RHEL-10-701280 V-281330",
      "UBTU-22-612040 V-260579, UBTU-22-254030 V-274865", "V-274060"}},
    {StigTopic::LockOnRemoval,
     "the session locks when the card is removed",
     {"", "RHEL-08-020050 V-230351", "RHEL-09-271045 V-258019, RHEL-09-271050 V-258020",
      "RHEL-10-700730 V-281276", "", ""}},
    {StigTopic::CachedCredentials,
     "cached authenticators end after one day",
     {"", "RHEL-08-020290 V-230376", "RHEL-09-631020 V-258133", "RHEL-10-701290 V-281331",
      "UBTU-22-631015 V-260581", "V-274062"}},
    {StigTopic::KeyProtection,
     "access to private keys needs a PIN or a passphrase",
     {"", "", "RHEL-09-611190 V-258127", "RHEL-10-701240 V-281326", "", ""}},
}};

namespace {

// VALUE of KEY=VALUE, without quotes (os-release(5)).
std::string value_of(std::string_view text, const std::string& key) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        if (line.compare(0, key.size() + 1, key + "=") == 0) {
            std::string value = line.substr(key.size() + 1);
            if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'')) {
                value = value.substr(1, value.find(value[0], 1) - 1);
            }
            return value;
        }
    }
    return {};
}

std::string guide_name(std::string_view os_release) {
    const std::string id = value_of(os_release, "ID");
    const std::string version = value_of(os_release, "VERSION_ID");
    const std::string like = " " + id + " " + value_of(os_release, "ID_LIKE") + " ";
    if (id == "amzn") {
        return version == "2" ? "el7" : version == "2023" ? "al2023" : "";
    }
    if (id == "ubuntu") {
        return version == "22.04" ? "ubuntu2204" : "";
    }
    if (like.find(" rhel ") != std::string::npos || id == "ol") {
        return "el" + version.substr(0, version.find('.'));
    }
    return {};
}

}  // namespace

std::optional<std::size_t> stig_guide(std::string_view os_release, std::string_view name) {
    const std::string wanted = name.empty() ? guide_name(os_release) : std::string(name);
    for (std::size_t i = 0; i < kStigGuides; ++i) {
        if (wanted == kStigGuideTable[i].name) {
            return i;
        }
    }
    return std::nullopt;
}

}  // namespace piv
