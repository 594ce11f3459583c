#include "pam_module/watch/card_watch.h"

#include <time.h>

#include <algorithm>

#include "pam_module/card/piv_card.h"
#include "pam_module/card/pkcs11_card.h"
#include "pki/x509/certificate.h"

namespace piv {

namespace {

constexpr int kReadMs = 15000;
// However quiet it is, the root half hears from here: see kSilenceMs.
constexpr int kPresentWaitMs = 20000;
// A reader that appears between two calls is told by no event of PC/SC-Lite before version 2.
constexpr int kAbsentWaitMs = 10000;
constexpr int kUnreadWaitMs = 500;
constexpr int kMaxUnread = 20;
constexpr int kFirstRetryMs = 250;
constexpr int kLastRetryMs = 5000;

void pause_ms(int ms) noexcept {
    const timespec pause{ms / 1000, static_cast<long>(ms % 1000) * 1000000};
    (void)nanosleep(&pause, nullptr);
}

bool has_certificate(CardSession& card, const std::string& sha256_hex, Deadline deadline,
                     bool& unread) {
    Result<std::vector<CardCertificate>> certificates = card.certificates(deadline);
    if (!certificates) {
        unread = certificates.code() != ErrorCode::CardNotUsable &&
                 certificates.code() != ErrorCode::CardMalformed;
        return false;
    }
    return std::any_of(certificates->begin(), certificates->end(), [&](const auto& one) {
        const Result<Certificate> certificate = Certificate::from_der(one.der);
        return certificate && certificate->sha256_hex() == sha256_hex;
    });
}

}  // namespace

// Also when nothing has changed: that this half is alive, and pcscd with it.
bool CardWatch::tell(CardView view) {
    last_ = view;
    return report_(view);
}

bool CardWatch::is_at(const std::vector<ReaderState>& readers, const Place& place) {
    return std::any_of(readers.begin(), readers.end(), [&](const ReaderState& reader) {
        const Place now = place_of(reader);
        return reader.card && now.reader == place.reader && now.insertion == place.insertion;
    });
}

bool CardWatch::known_as_other(const ReaderState& reader) const {
    return std::any_of(others_.begin(), others_.end(),
                       [&](const Place& place) { return is_at({reader}, place); });
}

CardWatch::Found CardWatch::read(const std::shared_ptr<PcscContext>& context,
                                 const ReaderState& reader) {
    const Deadline deadline = Deadline::after_ms(kReadMs);
    auto link = PcscContext::connect(context, reader, deadline);
    if (!link) {
        return Found::Unread;
    }
    auto card = PivCard::open(std::move(*link), request_.card, deadline);
    if (!card) {
        return card.code() == ErrorCode::CardNotPiv ? Found::Other : Found::Unread;
    }
    bool unread = false;
    if (has_certificate(**card, request_.certificate, deadline, unread)) {
        return Found::Ours;
    }
    return unread ? Found::Unread : Found::Other;
}

// The reader of a token is known by its name where the module says so, else it is any that has a card.
bool CardWatch::find_token(const std::vector<ReaderState>& readers) {
    const Deadline deadline = Deadline::after_ms(kReadMs);
    auto tokens = open_tokens(request_.card, deadline);
    if (!tokens) {
        return false;
    }
    for (const std::unique_ptr<CardSession>& token : *tokens) {
        bool unread = false;
        if (!has_certificate(*token, request_.certificate, deadline, unread)) {
            unread_ = unread_ || unread;
            continue;
        }
        std::vector<Place> named;
        std::vector<Place> any;
        for (const ReaderState& reader : readers) {
            if (reader.card) {
                any.push_back(place_of(reader));
            }
            if (reader.card && reader.name == token->card().reader) {
                named.push_back(place_of(reader));
            }
        }
        ours_ = named.empty() ? std::move(any) : std::move(named);
        token_elsewhere_ = ours_.empty();
        return !ours_.empty();
    }
    return false;
}

CardView CardWatch::look(const std::shared_ptr<PcscContext>& context,
                         const std::vector<ReaderState>& readers) {
    const auto still_there = [&](const Place& place) { return is_at(readers, place); };
    if (!ours_.empty() && std::all_of(ours_.begin(), ours_.end(), still_there)) {
        return CardView::Present;
    }
    ours_.clear();
    unread_ = false;
    others_.erase(std::remove_if(others_.begin(), others_.end(),
                                 [&](const Place& place) { return !still_there(place); }),
                  others_.end());
    const bool use_piv = request_.card.backend != CardBackend::Pkcs11;
    for (const ReaderState& reader : readers) {
        if (!use_piv || !reader.card || reader.mute || known_as_other(reader)) {
            continue;
        }
        const Found found = read(context, reader);
        if (found == Found::Ours) {
            ours_ = {place_of(reader)};
            break;
        }
        unread_ = unread_ || found == Found::Unread;
        if (found == Found::Other) {
            others_.push_back(place_of(reader));
        }
    }
    const bool use_module =
        request_.card.backend == CardBackend::Pkcs11 ||
        (request_.card.backend == CardBackend::Auto && !request_.card.module.empty());
    if (ours_.empty() && use_module) {
        (void)find_token(readers);
    }
    unread_times_ = unread_ ? unread_times_ + 1 : 0;
    if (!ours_.empty()) {
        unread_times_ = 0;
        homes_.clear();
        for (const Place& place : ours_) {
            homes_.push_back(place.reader);
        }
        return CardView::Present;
    }
    const bool other = std::any_of(others_.begin(), others_.end(), [&](const Place& place) {
        return std::find(homes_.begin(), homes_.end(), place.reader) != homes_.end();
    });
    // With a module, a card that is not PIV may still be ours: only its absence counts.
    return other && !use_module ? CardView::OtherCard : CardView::Removed;
}

int CardWatch::wait_ms() const noexcept {
    if (last_ == CardView::Present) {
        return kPresentWaitMs;
    }
    return unread_ && unread_times_ < kMaxUnread ? kUnreadWaitMs : kAbsentWaitMs;
}

// False when nobody listens; true when pcscd is gone.
bool CardWatch::watch(const std::shared_ptr<PcscContext>& context) {
    ours_.clear();  // a new pcscd counts anew
    others_.clear();
    for (;;) {
        Result<std::vector<ReaderState>> readers = context->readers(request_.card.reader);
        if (!readers) {
            return true;
        }
        const bool first_look_decides = !request_.card.module.empty();
        if (!watching_ && !first_look_decides) {
            watching_ = true;
            if (!tell(CardView::Watching)) {
                return false;
            }
        }
        const CardView view = look(context, *readers);
        if (!watching_) {
            watching_ = true;
            if (!report_(token_elsewhere_ ? CardView::NoReader : CardView::Watching)) {
                return false;
            }
        }
        if (!tell(view)) {
            return false;
        }
        if (Result<bool> changed = context->wait_for_change(*readers, wait_ms()); !changed) {
            return true;
        }
    }
}

void CardWatch::run() {
    int retry_ms = kFirstRetryMs;
    for (;;) {
        auto library = PcscLibrary::load();
        auto context = library ? PcscContext::establish(**library)
                               : Result<std::shared_ptr<PcscContext>>(library.error());
        if (context) {
            retry_ms = kFirstRetryMs;
            if (!watch(*context)) {
                return;
            }
        }
        if (!tell(CardView::Fault)) {
            return;
        }
        pause_ms(retry_ms);
        retry_ms = std::min(retry_ms * 2, kLastRetryMs);
    }
}

}  // namespace piv
