// The inside of CrlSet: lists by issuer, newest first.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pki/x509/crl.h"
#include "pki/x509/crl_list.h"
#include "pki/x509/signature.h"

namespace piv {

struct CrlSet::Data {
    std::vector<std::unique_ptr<CrlList>> lists;
    std::map<std::string, std::vector<const CrlList*>> by_issuer;

    std::string index_folder;  // empty: no tables

    void add(std::unique_ptr<CrlList> list);
    /// Verifies the list's signature, by its table if that was made with the same key, and makes a
    /// table of a large list that has none. Errors: as verify_signature.
    [[nodiscard]] Status verify(const CrlList& list, EVP_PKEY* key,
                                const SignaturePolicy& policy) const;
    [[nodiscard]] std::vector<const CrlList*> issued_by(const CanonicalName& issuer) const;
    /// As find_entry(), from a table where there is one.
    [[nodiscard]] Result<std::optional<CrlEntry>> find(const CrlList& list,
                                                       const CanonicalName& issuer,
                                                       ByteView serial) const;
};

}  // namespace piv
