// What libcrypto prepares when it is first used.
#pragma once

namespace piv {

/// For a process that does nothing but judge certificates and signatures, and ends: libcrypto prepares
/// neither the texts of its errors nor the names of ciphers. Its configuration is read as ever. To be
/// called before anything else of libcrypto, and not where code of others uses it too.
void start_libcrypto_small() noexcept;

}  // namespace piv
