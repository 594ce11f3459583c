// The inside of CrlSet: lists by issuer, newest first.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pki/x509/crl.h"
#include "pki/x509/crl_list.h"

namespace piv {

struct CrlSet::Data {
    std::vector<std::unique_ptr<CrlList>> lists;
    std::map<std::string, std::vector<const CrlList*>> by_issuer;

    void add(std::unique_ptr<CrlList> list);
    [[nodiscard]] std::vector<const CrlList*> issued_by(const CanonicalName& issuer) const;
    /// As find_entry(), from a table where there is one.
    [[nodiscard]] Result<std::optional<CrlEntry>> find(const CrlList& list,
                                                       const CanonicalName& issuer,
                                                       ByteView serial) const;
};

}  // namespace piv
