#include "image_builder/card_leaf.h"

#include "pam_module/card/card_session.h"

namespace piv {

Result<TokenCertificate> read_card_leaf(Deadline deadline) {
    const auto cards = open_cards(CardSettings{}, deadline);
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
