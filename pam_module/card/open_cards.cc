// Which readers and cards serve a login: PIV over PC/SC first, then the configured PKCS#11 module.
#include <algorithm>
#include <iterator>

#include "pam_module/card/card_session.h"
#include "pam_module/card/pcsc.h"
#include "pam_module/card/piv_card.h"
#include "pam_module/card/pkcs11_card.h"

namespace piv {

namespace {

using Sessions = std::vector<std::unique_ptr<CardSession>>;

// The most telling of several problems: what is wrong with a card says more than that there is none.
void keep_worse(Error& kept, Error error) {
    const auto rank = [](ErrorCode code) {
        switch (code) {
            case ErrorCode::NoReader:
                return 0;
            case ErrorCode::NoCard:
                return 1;
            case ErrorCode::CardNotPiv:
                return 2;
            default:
                return 3;
        }
    };
    if (rank(error.code) > rank(kept.code)) {
        kept = std::move(error);
    }
}

bool any_card(const std::vector<ReaderState>& readers) {
    return std::any_of(readers.begin(), readers.end(),
                       [](const ReaderState& reader) { return reader.card; });
}

// Waits for a card in one of the readers, and for readers to appear; not beyond `wait_ms`.
Result<std::vector<ReaderState>> readers_with_card(const PcscContext& context,
                                                   const CardSettings& settings) {
    const Deadline wait = Deadline::after_ms(std::int64_t{1000} * settings.wait_seconds);
    for (;;) {
        auto readers = context.readers(settings.reader);
        if (!readers || any_card(*readers) || wait.over()) {
            return readers;
        }
        auto changed = context.wait_for_change(*readers, wait.left_ms());
        if (!changed) {
            return std::move(changed).error();
        }
    }
}

Error no_card(const std::vector<ReaderState>& readers, const CardSettings& settings) {
    if (!readers.empty()) {
        return ErrorCode::NoCard;
    }
    return {ErrorCode::NoReader,
            settings.reader.empty() ? "" : "no reader matches card.reader = " + settings.reader};
}

Status open_piv_cards(const CardSettings& settings, Deadline& deadline, Sessions& sessions) {
    auto library = PcscLibrary::load();
    if (!library) {
        return std::move(library).error();
    }
    auto context = PcscContext::establish(**library);
    if (!context) {
        return std::move(context).error();
    }
    const std::int64_t began = monotonic_ms();
    auto readers = readers_with_card(**context, settings);
    if (!readers) {
        return std::move(readers).error();
    }
    deadline = deadline.extended_ms(monotonic_ms() - began);
    Error problem = no_card(*readers, settings);
    for (const ReaderState& reader : *readers) {
        if (!reader.card) {
            continue;
        }
        if (reader.mute) {
            keep_worse(problem,
                       Error(ErrorCode::CardFailure,
                             "the card does not answer to reset: is it the right way round?"));
            continue;
        }
        auto link = PcscContext::connect(*context, reader, deadline);
        if (!link) {
            keep_worse(problem, std::move(link).error());
            continue;
        }
        auto card = PivCard::open(std::move(*link), settings, deadline);
        if (!card) {
            keep_worse(problem, std::move(card).error());
            continue;
        }
        sessions.push_back(std::move(*card));
    }
    return sessions.empty() ? Status(std::move(problem)) : Status();
}

// Modules for smart cards use the same readers: a card that comes is seen by PC/SC. A module without
// readers (SoftHSM) has its tokens at once.
Result<Sessions> tokens_after_wait(const CardSettings& settings, Deadline deadline) {
    auto tokens = open_tokens(settings, deadline);
    if (tokens || tokens.code() != ErrorCode::NoCard || settings.wait_seconds <= 0) {
        return tokens;
    }
    auto library = PcscLibrary::load();
    if (!library) {
        return tokens;
    }
    auto context = PcscContext::establish(**library);
    if (!context) {
        return tokens;
    }
    const std::int64_t began = monotonic_ms();
    auto readers = readers_with_card(**context, settings);
    if (!readers || !any_card(*readers)) {
        return tokens;
    }
    return open_tokens(settings, deadline.extended_ms(monotonic_ms() - began));
}

bool any_usable(const Sessions& sessions, Deadline deadline) {
    return std::any_of(sessions.begin(), sessions.end(),
                       [&](const auto& session) { return session->certificates(deadline).ok(); });
}

}  // namespace

Result<Sessions> open_cards(const CardSettings& settings, Deadline deadline) {
    Sessions sessions;
    Error problem = ErrorCode::NoReader;
    if (settings.backend != CardBackend::Pkcs11) {
        Status piv = open_piv_cards(settings, deadline, sessions);
        if (!piv) {
            keep_worse(problem, std::move(piv).error());
        }
    }
    const bool use_module = settings.backend == CardBackend::Pkcs11 ||
                            (settings.backend == CardBackend::Auto && !settings.module.empty() &&
                             !any_usable(sessions, deadline));
    if (use_module) {
        auto tokens = settings.backend == CardBackend::Pkcs11
                          ? tokens_after_wait(settings, deadline)
                          : open_tokens(settings, deadline);
        if (tokens) {
            std::move(tokens->begin(), tokens->end(), std::back_inserter(sessions));
        } else {
            keep_worse(problem, std::move(tokens).error());
        }
    }
    if (sessions.empty()) {
        return problem;
    }
    return sessions;
}

}  // namespace piv
