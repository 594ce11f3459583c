// DER as a tree that can be changed and written again: for mutations that keep the outside well-formed.
#pragma once

#include <vector>

#include "pki/base/bytes.h"

namespace piv::test {

struct DerNode {
    std::uint8_t tag = 0;
    Bytes value;                    // of a primitive
    std::vector<DerNode> children;  // of a constructed type, or of an OCTET STRING that holds DER
    bool nested = false;            // `children` count

    [[nodiscard]] Bytes encode() const;
};

/// False if it is not DER.
bool parse_tree(ByteView der, DerNode& out, int depth = 0);
/// All nodes, the outermost first.
void collect(DerNode& node, std::vector<DerNode*>& out);

}  // namespace piv::test
