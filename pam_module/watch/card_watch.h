// The card half of piv-login-watch: looks at the readers, blocks until they change, and reports what it
// sees, every twenty seconds at the latest.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pam_module/card/pcsc.h"
#include "pam_module/helper/watch_request.h"
#include "pam_module/watch/removal_rule.h"

namespace piv {

class CardWatch {
  public:
    /// `report` is false when nobody listens any more. `request` is borrowed.
    CardWatch(const WatchRequest& request, std::function<bool(CardView)> report)
        : request_(request), report_(std::move(report)) {}
    /// Until nobody listens.
    void run();

  private:
    /// A card in a reader, from its insertion to its removal.
    struct Place {
        std::string reader;
        DWORD insertion = 0;  // pcscd counts insertions and removals
    };
    enum class Found { Ours, Other, Unread };

    bool tell(CardView view);
    bool watch(const std::shared_ptr<PcscContext>& context);
    CardView look(const std::shared_ptr<PcscContext>& context,
                  const std::vector<ReaderState>& readers);
    Found read(const std::shared_ptr<PcscContext>& context, const ReaderState& reader);
    bool find_token(const std::vector<ReaderState>& readers);
    [[nodiscard]] int wait_ms() const noexcept;
    static Place place_of(const ReaderState& reader) {
        return {reader.name, reader.event_state >> 16U};
    }
    static bool is_at(const std::vector<ReaderState>& readers, const Place& place);
    [[nodiscard]] bool known_as_other(const ReaderState& reader) const;

    const WatchRequest& request_;
    std::function<bool(CardView)> report_;
    CardView last_ = CardView::NoReader;
    bool watching_ = false;
    bool unread_ = false;  // a card did not let itself be read: again soon
    int unread_times_ = 0;
    bool token_elsewhere_ = false;    // the token was found, and no reader that it could be in
    std::vector<Place> ours_;         // unchanged: our card is there
    std::vector<std::string> homes_;  // readers that our card was in last
    std::vector<Place> others_;       // cards that were read and are not ours
};

}  // namespace piv
