#include "image_builder/card_leaf.h"

#include "pam_module/card/card_session.h"
#include "pki/config/settings.h"

namespace piv {

namespace {

CardBackend backend_of(Settings::Card::Backend backend) {
    switch (backend) {
        case Settings::Card::Backend::Auto:
            break;
        case Settings::Card::Backend::Piv:
            return CardBackend::Piv;
        case Settings::Card::Backend::Pkcs11:
            return CardBackend::Pkcs11;
    }
    return CardBackend::Auto;
}

}  // namespace

Result<TokenCertificate> read_card_leaf(Deadline deadline) {
    const Result<Settings> here = load_settings(kDefaultConfigFile, "", ConfigTrust::RootOwned);
    if (!here) {
        return Error(here.code(), "--verify-with CARD: " + here.error().detail);
    }
    CardSettings settings;
    settings.backend = backend_of(here->card.backend);
    settings.module = here->card.module;
    settings.reader = here->card.reader;
    settings.slots = here->card.slots;
    const auto cards = open_cards(settings, deadline);
    if (!cards) {
        return cards.error();
    }
    auto certificates = cards->front()->certificates(deadline);
    if (!certificates) {
        return std::move(certificates).error();
    }
    if (certificates->empty()) {
        return Error(ErrorCode::CardNotUsable, "the card holds no certificate for logins");
    }
    CardCertificate& first = certificates->front();
    return TokenCertificate{std::move(first.der), first.slot};
}

}  // namespace piv
