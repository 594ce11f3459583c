#include "tests/fuzz/der_tree.h"

#include "pki/x509/der.h"

namespace piv::test {

Bytes DerNode::encode() const {
    if (!nested) {
        return der::encode(tag, value);
    }
    Bytes contents;
    for (const DerNode& child : children) {
        der::append(contents, child.encode());
    }
    return der::encode(tag, contents);
}

namespace {

bool parse_children(ByteView contents, DerNode& out, int depth) {
    der::Reader reader(contents);
    while (!reader.at_end()) {
        der::Element element;
        DerNode child;
        if (!reader.any(element) || !parse_tree(element.whole, child, depth + 1)) {
            return false;
        }
        out.children.push_back(std::move(child));
    }
    return true;
}

}  // namespace

bool parse_tree(ByteView der, DerNode& out, int depth) {
    der::Reader reader(der);
    der::Element element;
    if (depth > 16 || !reader.any(element) || !reader.at_end()) {
        return false;
    }
    out.tag = element.tag;
    out.value = element.value.copy();
    if ((element.tag & 0x20U) != 0) {
        out.nested = true;
        return parse_children(element.value, out, depth);
    }
    if (element.tag == der::kOctetString && !element.value.empty()) {
        DerNode inside;
        if (parse_children(element.value, inside, depth)) {
            out.children = std::move(inside.children);
            out.nested = true;
        }
    }
    return true;
}

void collect(DerNode& node, std::vector<DerNode*>& out) {
    out.push_back(&node);
    for (DerNode& child : node.children) {
        collect(child, out);
    }
}

}  // namespace piv::test
