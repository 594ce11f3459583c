// Faults by script: at a chosen command the card answers wrongly, slowly, or is gone.
//   WHEN:WHAT    WHEN: apdu=N (the N-th since the card was inserted) | ins=XX | object=TAG | always
//   WHAT: remove[=MS] (gone before the answer, back after MS) | remove-after[=MS] (after the answer)
//         | sw=XXXX | truncate=N | empty | replace=HEX | append=HEX | flip=N | garbage=N
//         | endless | constant | lie=XXXX | forget | delay=MS
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv::vcard {

struct Fault {
    enum class When { Apdu, Instruction, Object, Always };
    enum class What {
        Remove,       // no answer, the card is out of the reader
        RemoveAfter,  // the answer, then the same
        Status,       // this status word, without data, and the command is not carried out
        Truncate,     // the first N bytes of the answer's data, with its status word
        Empty,        // not even a status word
        Replace,      // this answer, data and status word, instead
        Append,       // these bytes behind the answer's data
        Flip,         // the lowest bit of the data's byte N is turned
        Garbage,      // N bytes of noise and 9000
        Endless,      // 256 bytes and 6100, for this command and every GET RESPONSE after it
        Constant,     // the first answer of this kind again and again, whatever was asked
        Lie,          // the command is carried out, but this status word is given
        Forget,       // the card lost power for a moment: as after a reset
        Delay,        // this many ms late
    };
    When when = When::Always;
    std::uint32_t when_value = 0;
    What what = What::Status;
    std::uint32_t number = 0;
    Bytes bytes;
    Bytes remembered;  // for Constant
};

/// Error: BadUsage with the part that was not understood.
Result<Fault> parse_fault(const std::string& spec);

/// Whether the fault is due for the `index`-th command since insertion.
bool fault_is_due(const Fault& fault, unsigned index, ByteView command) noexcept;

/// Changes an answer (data and status word) as the fault says. Not for Remove, RemoveAfter, Status,
/// Forget, Delay: the card itself does those.
void spoil(Fault& fault, Bytes& answer);

}  // namespace piv::vcard
