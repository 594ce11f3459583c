#include "pam_module/decide/user_text.h"

#include <libintl.h>
#include <locale.h>

#include <algorithm>

namespace piv {

namespace {

constexpr char kDomain[] = "piv-login";
constexpr std::size_t kMaxLocaleName = 64;

// A slash would make glibc read a locale from a folder of somebody's choice.
bool is_locale_name(const std::string& name) {
    return !name.empty() && name.size() <= kMaxLocaleName &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.' || c == '@';
           });
}

locale_t& language() {
    static locale_t chosen = static_cast<locale_t>(nullptr);
    return chosen;
}

// The thread's locale is the chosen one for as long as this lives: everything else that the process
// writes, such as the log, stays English.
class InLanguage {
  public:
    InLanguage() : before_(language() != nullptr ? uselocale(language()) : nullptr) {}
    ~InLanguage() {
        if (before_ != nullptr) {
            uselocale(before_);
        }
    }
    InLanguage(const InLanguage&) = delete;
    InLanguage& operator=(const InLanguage&) = delete;

  private:
    locale_t before_;
};

}  // namespace

void use_language(const std::string& locale) {
    if (language() != nullptr) {
        freelocale(language());
        language() = nullptr;
    }
    if (!is_locale_name(locale)) {
        return;
    }
    language() = newlocale(LC_MESSAGES_MASK, locale.c_str(), nullptr);
    (void)bindtextdomain(kDomain, PIV_LOCALEDIR);
    (void)bind_textdomain_codeset(kDomain, "UTF-8");
}

std::string translated(const char* sentence) {
    const InLanguage in_language;
    return language() != nullptr ? dgettext(kDomain, sentence) : sentence;
}

std::string plural(const char* one, const char* many, int count) {
    const InLanguage in_language;
    const auto number = static_cast<unsigned long>(std::max(count, 0));
    return language() != nullptr ? dngettext(kDomain, one, many, number)
                                 : (number == 1 ? one : many);
}

std::string filled(std::string sentence, const std::string& first, const std::string& second) {
    for (std::size_t at = 0; (at = sentence.find('%', at)) != std::string::npos;) {
        const char which = at + 1 < sentence.size() ? sentence[at + 1] : '\0';
        if (which != '1' && which != '2') {
            ++at;
            continue;
        }
        const std::string& value = which == '1' ? first : second;
        sentence.replace(at, 2, value);
        at += value.size();  // never into what was put in
    }
    return sentence;
}

std::string pin_statement(const std::string& holder, std::optional<int> tries) {
    if (!tries) {
        return filled(translated("PIN for %1"), holder);
    }
    return filled(plural("PIN for %1 (%2 try left)", "PIN for %1 (%2 tries left)", *tries), holder,
                  std::to_string(*tries));
}

std::string wrong_pin_text(int tries) {
    if (tries <= 0) {
        return translated("Wrong PIN. The PIN is now blocked.");
    }
    return filled(plural("Wrong PIN. %2 try left.", "Wrong PIN. %2 tries left.", tries), {},
                  std::to_string(tries));
}

std::string expiry_text(int days, const std::string& date) {
    if (days <= 0) {
        return filled(
            translated("Your smart card certificate ends today, on %1 (UTC): have it renewed."),
            date);
    }
    return filled(
        plural("Your smart card certificate ends in %2 day, on %1 (UTC): have it renewed.",
               "Your smart card certificate ends in %2 days, on %1 (UTC): have it renewed.", days),
        date, std::to_string(days));
}

}  // namespace piv
