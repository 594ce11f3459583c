#include "tests/card/faults.h"

#include <map>

#include "tests/card/apdu.h"
#include "tests/card/tlv.h"

namespace piv::vcard {

namespace {

using What = Fault::What;
using When = Fault::When;

enum class Argument { None, Optional, Decimal, Hexadecimal, ByteString };

struct Kind {
    What what;
    Argument argument;
};

const std::map<std::string, Kind>& kinds() {
    static const std::map<std::string, Kind> table{
        {"remove", {What::Remove, Argument::Optional}},
        {"remove-after", {What::RemoveAfter, Argument::Optional}},
        {"sw", {What::Status, Argument::Hexadecimal}},
        {"truncate", {What::Truncate, Argument::Decimal}},
        {"empty", {What::Empty, Argument::None}},
        {"replace", {What::Replace, Argument::ByteString}},
        {"append", {What::Append, Argument::ByteString}},
        {"flip", {What::Flip, Argument::Decimal}},
        {"garbage", {What::Garbage, Argument::Decimal}},
        {"endless", {What::Endless, Argument::None}},
        {"constant", {What::Constant, Argument::None}},
        {"lie", {What::Lie, Argument::Hexadecimal}},
        {"forget", {What::Forget, Argument::None}},
        {"delay", {What::Delay, Argument::Decimal}}};
    return table;
}

bool number_from(const std::string& text, int base, std::uint32_t& out) {
    if (text.empty() || text.size() > 9) {
        return false;
    }
    char* end = nullptr;
    const unsigned long value = std::strtoul(text.c_str(), &end, base);
    if (*end != '\0' || value > UINT32_MAX) {
        return false;
    }
    out = static_cast<std::uint32_t>(value);
    return true;
}

bool parse_when(const std::string& text, Fault& fault) {
    if (text == "always") {
        fault.when = When::Always;
        return true;
    }
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
        return false;
    }
    const std::string name = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (name == "apdu") {
        fault.when = When::Apdu;
        return number_from(value, 10, fault.when_value);
    }
    fault.when = name == "ins" ? When::Instruction : When::Object;
    return (name == "ins" || name == "object") && number_from(value, 16, fault.when_value);
}

bool parse_what(const std::string& text, Fault& fault) {
    const std::size_t equals = text.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string value = has_value ? text.substr(equals + 1) : std::string();
    const auto kind = kinds().find(text.substr(0, equals));
    if (kind == kinds().end()) {
        return false;
    }
    fault.what = kind->second.what;
    switch (kind->second.argument) {
        case Argument::None:
            return !has_value;
        case Argument::Optional:
            return !has_value || number_from(value, 10, fault.number);
        case Argument::Decimal:
            return number_from(value, 10, fault.number);
        case Argument::Hexadecimal:
            return number_from(value, 16, fault.number);
        case Argument::ByteString:
            return has_value && from_hex(value, fault.bytes);
    }
    return false;
}

// The object that a GET DATA asks for; 0 for any other command.
std::uint32_t object_asked_for(ByteView raw) noexcept {
    Command command;
    if (!parse_command(raw, command) || command.ins != 0xCB) {
        return 0;
    }
    ByteView rest = command.data;
    Tlv list;
    std::uint32_t tag = 0;
    if (take_tlv(rest, list) && list.tag == 0x5C && list.value.size() <= 3) {
        for (const std::uint8_t byte : list.value) {
            tag = tag << 8 | byte;
        }
    }
    return tag;
}

// The same bytes in every run: xorshift32.
Bytes noise(std::uint32_t count) {
    Bytes out;
    std::uint32_t state = 0x9E3779B9U;
    for (std::uint32_t i = 0; i < count; ++i) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        out.push_back(static_cast<std::uint8_t>(state & 0xFF));
    }
    return out;
}

}  // namespace

Result<Fault> parse_fault(const std::string& spec) {
    Fault fault;
    const std::size_t colon = spec.find(':');
    if (colon == std::string::npos || !parse_when(spec.substr(0, colon), fault) ||
        !parse_what(spec.substr(colon + 1), fault)) {
        return Error(ErrorCode::BadUsage, "not a fault: " + spec);
    }
    return fault;
}

bool fault_is_due(const Fault& fault, unsigned index, ByteView command) noexcept {
    switch (fault.when) {
        case When::Always:
            return true;
        case When::Apdu:
            return index == fault.when_value;
        case When::Instruction:
            return command.size() > 1 && command[1] == fault.when_value;
        case When::Object:
            return object_asked_for(command) == fault.when_value;
    }
    return false;
}

void spoil(Fault& fault, Bytes& answer) {
    Bytes status(answer.size() >= 2 ? answer.end() - 2 : answer.begin(), answer.end());
    answer.resize(answer.size() - status.size());
    const std::size_t number = fault.number;
    switch (fault.what) {
        case What::Truncate:
            answer.resize(number < answer.size() ? number : answer.size());
            break;
        case What::Empty:
            answer.clear();
            status.clear();
            break;
        case What::Replace:
            answer = fault.bytes;
            status.clear();
            break;
        case What::Append:
            answer.insert(answer.end(), fault.bytes.begin(), fault.bytes.end());
            break;
        case What::Flip:
            if (number < answer.size()) {
                answer[number] = static_cast<std::uint8_t>(answer[number] ^ 1);
            }
            break;
        case What::Garbage:
            answer = noise(fault.number);
            status = {0x90, 0x00};
            break;
        case What::Endless:
            answer = noise(256);
            status = {0x61, 0x00};
            break;
        case What::Constant:
            if (!answer.empty()) {  // not the parts of a chained command
                fault.remembered = fault.remembered.empty() ? answer : fault.remembered;
                answer = fault.remembered;
            }
            break;
        case What::Lie:
            status = {static_cast<std::uint8_t>(number >> 8 & 0xFF),
                      static_cast<std::uint8_t>(number & 0xFF)};
            break;
        default:
            break;
    }
    answer.insert(answer.end(), status.begin(), status.end());
}

}  // namespace piv::vcard
