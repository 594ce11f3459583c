// What the person at the prompt reads, in the language of the program that asks. Sentences are
// marked for translation by being arguments of translated() and plural(), or by being the user's
// text of an error code; the catalogues are in packaging/po.
#pragma once

#include <optional>
#include <string>

namespace piv {

/// From now on texts are in the language of `locale`, a name as setlocale(3) returns it
/// ("de_DE.UTF-8"). English when the name could be a path, when this machine does not have that
/// locale, or when there is no catalogue. Neither the environment nor the locale of this process
/// has a say, and neither is changed.
void use_language(const std::string& locale);

/// The sentence, a constant of the program, in that language. UTF-8.
std::string translated(const char* sentence);
/// The same for a number of things; `%2` in the sentences is the number.
std::string plural(const char* one, const char* many, int count);
/// `%1` and `%2` in `sentence` become the arguments, which are taken as they are.
std::string filled(std::string sentence, const std::string& first, const std::string& second = {});

/// "PIN for Alice Example (2 tries left)". `holder` is safe to show.
std::string pin_statement(const std::string& holder, std::optional<int> tries);
/// "Wrong PIN. 2 tries left."
std::string wrong_pin_text(int tries);
/// "Your smart card certificate ends in 3 days, on 2026-12-01 (UTC): have it renewed."
std::string expiry_text(int days, const std::string& date);

}  // namespace piv
