#include "pam_module/watch/removal_rule.h"

#include <algorithm>

namespace piv {

void RemovalRule::see(CardView view, std::int64_t now_ms) noexcept {
    switch (view) {
        case CardView::Present:
            pending_.reset();
            done_ = OnCardRemoval::Ignore;
            return;
        case CardView::Removed:
            plan({now_ms + debounce_ms_, action_, false});
            return;
        case CardView::OtherCard:
            plan({now_ms, action_, false});
            return;
        case CardView::Fault:
            plan({now_ms + std::max(debounce_ms_, kFaultGraceMs), OnCardRemoval::Lock, true});
            return;
        case CardView::Watching:
        case CardView::NoReader:
            return;  // says nothing about the card
    }
}

void RemovalRule::plan(Pending next) noexcept {
    if (next.action <= done_) {
        return;
    }
    if (!pending_ || (pending_->by_fault && !next.by_fault)) {
        pending_ = next;  // what is known replaces what was feared
    } else if (!next.by_fault) {
        pending_->at_ms = std::min(pending_->at_ms, next.at_ms);
    }
}

std::optional<std::int64_t> RemovalRule::next_ms() const noexcept {
    return pending_ ? std::optional<std::int64_t>(pending_->at_ms) : std::nullopt;
}

OnCardRemoval RemovalRule::due(std::int64_t now_ms) const noexcept {
    return pending_ && pending_->at_ms <= now_ms ? pending_->action : OnCardRemoval::Ignore;
}

void RemovalRule::done() noexcept {
    if (pending_) {
        done_ = pending_->action;
        pending_.reset();
    }
}

void RemovalRule::failed(std::int64_t now_ms, std::int64_t again_ms) noexcept {
    if (pending_) {
        pending_->at_ms = now_ms + again_ms;
    }
}

}  // namespace piv
