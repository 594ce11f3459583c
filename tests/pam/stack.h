// A PAM stack in a folder of its own, under real libpam, with a conversation that answers as told.
#pragma once

#include <security/pam_appl.h>

#include <functional>
#include <string>
#include <vector>

namespace piv::test {

struct Conversation {
    std::string answer = "123456";
    int result = PAM_SUCCESS;
    bool null_array = false;
    bool null_string = false;
    std::function<void()> before;    // runs first, at each message
    std::vector<std::string> shown;  // "info: ...", "error: ...", "ask: ..."
};

class Stack {
  public:
    /// `lines`: the whole service file. "MODULE" stands for the module with the lying helper;
    /// lines behind a line "SUBSTACK" are the file that "SUBFILE" stands for.
    explicit Stack(const std::string& lines, const char* user = "alice");
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    int authenticate(int flags = 0) { return pam_authenticate(handle_, flags); }
    int setcred() { return pam_setcred(handle_, PAM_ESTABLISH_CRED); }
    int acct_mgmt() { return pam_acct_mgmt(handle_, 0); }
    int chauthtok() { return pam_chauthtok(handle_, 0); }
    [[nodiscard]] std::string user() const;
    [[nodiscard]] pam_handle_t* handle() const { return handle_; }

    Conversation conversation;

  private:
    std::string folder_;
    pam_handle_t* handle_ = nullptr;
    pam_conv conv_{};
};

/// `type control MODULE config=/ORDER more`.
std::string line(const std::string& type, const std::string& control, const std::string& order,
                 const std::string& more = {});

/// All four facilities, each with one line.
std::string whole(const std::string& control, const std::string& order);

}  // namespace piv::test
