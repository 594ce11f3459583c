// A card by script: every command has to be the next one of the script, and gets its answer.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

#include "pam_module/card/card_link.h"

namespace piv::test {

inline Bytes hex(std::string text) {
    std::string packed;
    for (const char c : text) {
        if (c != ' ') {
            packed += c;
        }
    }
    Bytes out;
    REQUIRE(from_hex(packed, out));
    return out;
}

inline std::string join(std::initializer_list<std::string> parts) {
    std::string all;
    for (const std::string& part : parts) {
        all += part;
    }
    return all;
}

/// One exchange. `command` in hexadecimal; with "*" at its end only the beginning counts.
struct Exchange {
    std::string command;
    std::string answer;                       // with status
    ErrorCode failure = ErrorCode::Internal;  // when `answer` is empty
};

/// What the link did, shared with the test that outlives it.
struct LinkLog {
    std::vector<std::string> events;  // begin, end, end+reset, reset, control
    std::vector<std::string> commands;
    [[nodiscard]] std::size_t verifies_with_pin() const {
        std::size_t count = 0;
        for (const std::string& command : commands) {
            count += command.compare(0, 4, "0020") == 0 && command.size() > 8 ? 1 : 0;
        }
        return count;
    }
};

class ScriptedLink final : public CardLink {
  public:
    ScriptedLink(std::shared_ptr<LinkLog> log, std::vector<Exchange> script)
        : log_(std::move(log)), script_(script.begin(), script.end()) {}
    ~ScriptedLink() override {
        if (!abandoned) {
            CHECK(script_.empty());
        }
    }

    Result<Bytes> transmit(ByteView command, Deadline /*deadline*/) override {
        const std::string got = to_hex(command);
        log_->commands.push_back(got);
        INFO("command " << got);
        REQUIRE_FALSE(script_.empty());
        CHECK(in_transaction);
        const Exchange next = script_.front();
        script_.pop_front();
        std::string want = next.command;
        if (!want.empty() && want.back() == '*') {
            want.pop_back();
            CHECK(got.substr(0, want.size()) == want);
        } else {
            CHECK(got == want);
        }
        if (next.answer.empty()) {
            return next.failure;
        }
        return hex(next.answer);
    }
    [[nodiscard]] const std::string& reader() const noexcept override { return name; }
    [[nodiscard]] ByteView atr() const noexcept override { return atr_bytes; }
    [[nodiscard]] Transmission transmission() const noexcept override { return protocol; }
    [[nodiscard]] const ReaderFeatures& features() const noexcept override {
        return reader_features;
    }
    [[nodiscard]] bool shared_with_others() const noexcept override { return shared; }
    Result<CardState> begin(Deadline /*deadline*/) override {
        CHECK_FALSE(in_transaction);
        log_->events.emplace_back("begin");
        if (!begins.empty()) {
            const Result<CardState> state = begins.front();
            begins.pop_front();
            in_transaction = state.ok();
            return state;
        }
        in_transaction = true;
        return CardState::AsBefore;
    }
    void end(Release release) noexcept override {
        in_transaction = false;
        log_->events.emplace_back(release == Release::ResetCard ? "end+reset" : "end");
    }
    Status reset(Deadline /*deadline*/) override {
        log_->events.emplace_back("reset");
        return {};
    }
    Result<Bytes> control(std::uint32_t code, ByteView input, Deadline /*deadline*/) override {
        log_->events.push_back("control " + std::to_string(code) + " " + to_hex(input));
        return hex(control_answer);
    }

    std::string name = "Scripted";
    Bytes atr_bytes;  // none: short APDUs
    Transmission protocol = Transmission::T1;
    ReaderFeatures reader_features;
    bool shared = false;
    bool in_transaction = false;
    bool abandoned = false;
    std::deque<Result<CardState>> begins;
    std::string control_answer = "9000";

  private:
    std::shared_ptr<LinkLog> log_;
    std::deque<Exchange> script_;
};

/// An ATR whose historical bytes promise extended length.
inline Bytes extended_atr() {
    return hex("3b f8 11 00 00 81 31 fe 65 00 73 00 00 40 00 90 00 5a");
}

}  // namespace piv::test
