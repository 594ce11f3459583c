#include "pam_module/glue/host.h"

#include <langinfo.h>
#include <locale.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

namespace piv {

namespace {

bool take(const char* text, SecretBuffer& secret, NoSecretReason& why) noexcept {
    const std::size_t size = strnlen(text, SecretBuffer::kCapacity + 1);
    if (size > SecretBuffer::kCapacity) {
        why = NoSecretReason::TooLong;
        return false;
    }
    if (!secret.assign(text, size)) {
        why = NoSecretReason::NoMemory;
        return false;
    }
    return true;
}

}  // namespace

long long host_clock_ms() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

const char* host_language() noexcept {
    const char* name = setlocale(LC_MESSAGES, nullptr);
    return name != nullptr && std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? name : "";
}

const char* Host::item(int type) const noexcept {
    const void* value = nullptr;
    if (pam_get_item(handle_, type, &value) != PAM_SUCCESS || value == nullptr) {
        return "";
    }
    return static_cast<const char*>(value);
}

int Host::converse(int style, const char* text, pam_response** response) noexcept {
    const void* item = nullptr;
    if (pam_get_item(handle_, PAM_CONV, &item) != PAM_SUCCESS || item == nullptr) {
        return PAM_CONV_ERR;
    }
    const auto* conversation = static_cast<const pam_conv*>(item);
    if (conversation->conv == nullptr) {
        return PAM_CONV_ERR;
    }
    pam_message message{style, text};
    const pam_message* messages[] = {&message};
    const long long begun = host_clock_ms();
    const int result = conversation->conv(1, messages, response, conversation->appdata_ptr);
    spent_ms_ += host_clock_ms() - begun;
    return result;
}

void Host::show(int style, const char* text) noexcept {
    if (silent_) {
        return;
    }
    pam_response* response = nullptr;
    if (converse(style, text, &response) == PAM_SUCCESS && response != nullptr) {
        std::free(response->resp);
        std::free(response);
    }
}

bool Host::ask(const char* prompt, SecretBuffer& secret, NoSecretReason& why) noexcept {
    why = NoSecretReason::Conversation;
    pam_response* response = nullptr;
    // When the conversation failed, `response` is the application's and means nothing.
    if (converse(PAM_PROMPT_ECHO_OFF, prompt, &response) != PAM_SUCCESS || response == nullptr) {
        return false;
    }
    bool taken = false;
    if (response->resp != nullptr) {
        taken = take(response->resp, secret, why);
        secure_wipe(response->resp, std::strlen(response->resp));
        std::free(response->resp);
    }
    std::free(response);
    return taken;
}

bool Host::first_pass(SecretBuffer& secret, NoSecretReason& why) const noexcept {
    why = NoSecretReason::NoFirstPass;
    const void* value = nullptr;
    if (pam_get_item(handle_, PAM_AUTHTOK, &value) != PAM_SUCCESS || value == nullptr) {
        return false;
    }
    return take(static_cast<const char*>(value), secret, why);
}

}  // namespace piv
