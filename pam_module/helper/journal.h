// One entry in the journal, or in syslog where there is no journal.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace piv {

using JournalField = std::pair<std::string, std::string>;

/// Writes `message` with a priority of syslog(3); fields with an empty value are left out, the others
/// escaped. `message` has to be escaped already. That it cannot be written is no failure.
void write_journal(const std::string& message, int priority,
                   const std::vector<JournalField>& fields);

}  // namespace piv
