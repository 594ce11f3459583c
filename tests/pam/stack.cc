#include "tests/pam/stack.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace piv::test {

namespace {

int converse(int count, const pam_message** messages, pam_response** response, void* data) {
    auto& told = *static_cast<Conversation*>(data);
    for (int i = 0; i < count; ++i) {
        const int style = messages[i]->msg_style;
        told.shown.push_back((style == PAM_TEXT_INFO   ? "info: "
                              : style == PAM_ERROR_MSG ? "error: "
                                                       : "ask: ") +
                             std::string(messages[i]->msg));
    }
    if (told.before) {
        told.before();
    }
    if (told.result != PAM_SUCCESS) {
        *response =
            reinterpret_cast<pam_response*>(0x10);  // NOLINT: garbage, as some programs leave
        return told.result;
    }
    if (told.null_array) {
        *response = nullptr;
        return PAM_SUCCESS;
    }
    auto* answers = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    for (int i = 0; i < count; ++i) {
        if (!told.null_string && messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            answers[i].resp = strdup(told.answer.c_str());
        }
    }
    *response = answers;
    return PAM_SUCCESS;
}

}  // namespace

Stack::Stack(const std::string& lines, const char* user) {
    char name[] = "/tmp/piv-pam-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    folder_ = name;
    std::string text = lines;
    for (std::size_t at = 0; (at = text.find("MODULE", at)) != std::string::npos;) {
        text.replace(at, 6, PIV_TEST_MODULE);
        at += sizeof(PIV_TEST_MODULE) - 1;
    }
    // What stands behind a line "SUBSTACK" is a file of its own.
    // libpam looks for included files in /etc/pam.d, whatever pam_start_confdir() was given.
    const std::size_t file = text.find("SUBFILE");
    if (file != std::string::npos) {
        text.replace(file, 7, folder_ + "/sub");
    }
    const std::size_t below = text.find("SUBSTACK\n");
    std::ofstream(folder_ + "/sub") << (below == std::string::npos ? "" : text.substr(below + 9));
    std::ofstream(folder_ + "/piv-test") << text.substr(0, below);
    std::ofstream(folder_ + "/other") << "auth required pam_deny.so\n";
    conv_ = {converse, &conversation};
    REQUIRE(pam_start_confdir("piv-test", user, &conv_, folder_.c_str(), &handle_) == PAM_SUCCESS);
}

Stack::~Stack() {
    (void)pam_end(handle_, PAM_SUCCESS);
    (void)unlink((folder_ + "/piv-test").c_str());
    (void)unlink((folder_ + "/sub").c_str());
    (void)unlink((folder_ + "/other").c_str());
    (void)rmdir(folder_.c_str());
}

std::string Stack::user() const {
    const void* item = nullptr;
    if (pam_get_item(handle_, PAM_USER, &item) != PAM_SUCCESS || item == nullptr) {
        return "";
    }
    return static_cast<const char*>(item);
}

std::string line(const std::string& type, const std::string& control, const std::string& order,
                 const std::string& more) {
    return type + " " + control + " MODULE config=/" + order + " " + more + "\n";
}

std::string whole(const std::string& control, const std::string& order) {
    return line("auth", control, order) + line("account", control, order) +
           line("password", control, order) + line("session", control, order);
}

}  // namespace piv::test
