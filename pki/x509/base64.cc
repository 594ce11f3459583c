#include "pki/x509/base64.h"

namespace piv {

namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int value_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

namespace {

bool decode(std::string_view text, Bytes& out) {
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    unsigned digits = 0;  // in the current group of four, padding included
    unsigned padding = 0;
    bool ended = false;
    for (const char c : text) {
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            continue;
        }
        const int value = c == '=' ? 0 : value_of(c);
        if (ended || value < 0 || (c != '=' && padding > 0)) {
            return false;
        }
        padding += c == '=' ? 1U : 0U;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        if (++digits < 4) {
            continue;
        }
        const std::uint32_t beyond = padding == 2 ? 0xFFFFU : padding == 1 ? 0xFFU : 0U;
        if (padding > 2 || (bits & beyond) != 0) {
            return false;
        }
        out.push_back(static_cast<std::uint8_t>(bits >> 16U));
        if (padding < 2) {
            out.push_back(static_cast<std::uint8_t>(bits >> 8U));
        }
        if (padding < 1) {
            out.push_back(static_cast<std::uint8_t>(bits));
        }
        ended = padding > 0;
        digits = 0;
        bits = 0;
    }
    return digits == 0;
}

}  // namespace

bool base64_decode(std::string_view text, Bytes& out) {
    out.clear();
    const bool good = decode(text, out);
    if (!good) {
        out.clear();
    }
    return good;
}

std::string base64_encode(ByteView data) {
    std::string out((data.size() + 2) / 3 * 4, '=');
    char* to = out.data();
    for (std::size_t i = 0; i < data.size(); i += 3, to += 4) {
        const std::size_t have = data.size() - i;
        const std::uint32_t b0 = data[i];
        const std::uint32_t b1 = have > 1 ? data[i + 1] : 0U;
        const std::uint32_t b2 = have > 2 ? data[i + 2] : 0U;
        const std::uint32_t bits = (b0 << 16U) | (b1 << 8U) | b2;
        to[0] = kAlphabet[(bits >> 18U) & 63U];
        to[1] = kAlphabet[(bits >> 12U) & 63U];
        to[2] = have > 1 ? kAlphabet[(bits >> 6U) & 63U] : '=';
        to[3] = have > 2 ? kAlphabet[bits & 63U] : '=';
    }
    return out;
}

}  // namespace piv
