// A hostile PKCS#11 module: what it answers are the bytes of the input, one after the other, and it
// fills every buffer to the size that the caller gave it.
//
// The first octet says which function the module lacks (0 or beyond kHostileFunctions: none). Then each
// call takes one octet of status (0 or a multiple of 16: CKR_OK). A call that succeeds takes on:
//   C_GetSlotList        1 number of slots, FF for the largest number
//   C_GetSlotInfo        1 the character that the description is filled with
//   C_GetTokenInfo       1 flags, 1 shortest PIN, 1 longest PIN, 1 maker
//   C_FindObjects        1 number of objects, FF for the largest number
//   C_GetAttributeValue  2 length, FFFF for CK_UNAVAILABLE_INFORMATION; with a buffer 1 content
//   C_GetMechanismInfo   1 flags: 1 signs
//   C_Sign               2 length
// Where the input ends, the device was removed.
#pragma once

#include <cstddef>
#include <cstdint>

/// The PIN that the module looks for in every call but C_Login.
constexpr char kHostilePin[] = "482915";

/// Functions that a module has to have.
constexpr std::uint8_t kHostileFunctions = 18;

/// What the caller did that it must not do whatever the module says; null: nothing.
using HostileVerdict = const char* (*)();
/// The input of the calls to come. It must outlive them.
using HostileInput = void (*)(const std::uint8_t* data, std::size_t size);
