// Every key of the configuration, with what its value may be. The one list that reading, "did you
// mean" and the documentation test go by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pki/config/settings.h"

namespace piv {

struct SettingRow {
    const char* section;
    const char* key;
    const char* form;  // what the value may be, for messages and documentation
    /// Sets the value; false when it is not of that form (then `settings` is not to be used).
    bool (*set)(Settings& settings, std::string_view value);
};

/// All rows, in the order of the contract.
const std::vector<SettingRow>& setting_table();

}  // namespace piv
