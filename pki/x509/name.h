// Names as X.509 compares them: distinguished names in a canonical form, and GeneralName.
#pragma once

#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/x509/der.h"

namespace piv {

/// A distinguished name made comparable (RFC 5280 section 7.1): per RDN its attributes, sorted,
/// with strings in UTF-8, ASCII letters in lower case, blanks trimmed and folded. Anything that is
/// not a character string compares by its DER.
struct CanonicalName {
    std::vector<std::string> rdns;
    [[nodiscard]] bool empty() const noexcept { return rdns.empty(); }
    /// RFC 5280 section 4.2.1.10: `this` starts with all RDNs of `base`.
    [[nodiscard]] bool within(const CanonicalName& base) const;
    /// One string for maps.
    [[nodiscard]] std::string key() const;
};
inline bool operator==(const CanonicalName& a, const CanonicalName& b) {
    return a.rdns == b.rdns;
}
inline bool operator!=(const CanonicalName& a, const CanonicalName& b) {
    return !(a == b);
}

/// `name` is the DER of a Name (SEQUENCE OF RelativeDistinguishedName). False if malformed.
bool canonical_name(ByteView name, CanonicalName& out);
/// Adds the RDN whose SET contents are `rdn` (nameRelativeToCRLIssuer). False if malformed.
bool append_rdn(CanonicalName& name, ByteView rdn);
/// Every value of the attribute `oid` (dotted) in a Name, as UTF-8.
std::vector<std::string> attribute_values(ByteView name, std::string_view oid);
/// The contents of a character string type as UTF-8; false for other tags and bad encodings.
bool string_to_utf8(const der::Element& element, std::string& out);

struct GeneralName {
    enum class Form : std::uint8_t {
        Other = 0,
        Email = 1,
        Dns = 2,
        X400 = 3,
        Directory = 4,
        EdiParty = 5,
        Uri = 6,
        Ip = 7,
        RegisteredId = 8,
    };
    Form form = Form::Other;
    ByteView value;           // IA5String, address octets, Name's DER, or the contents otherwise
    std::string other_type;   // Other: dotted OID
    ByteView other_value;     // Other: the DER inside [0]
    CanonicalName directory;  // Directory
};
/// One GeneralName (RFC 5280 section 4.2.1.6). False if malformed.
bool general_name(const der::Element& element, GeneralName& out);
/// GeneralNames contents: SIZE (1..MAX).
bool general_names(ByteView contents, std::vector<GeneralName>& out);

/// Text of ASCII letters in lower case.
std::string ascii_lower(std::string_view text);

}  // namespace piv
