#include "pki/trust/federation_metadata.h"

#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr char kMd[] = "urn:oasis:names:tc:SAML:2.0:metadata";
constexpr char kDs[] = "http://www.w3.org/2000/09/xmldsig#";
constexpr std::size_t kMaxSigning = 32;
constexpr std::size_t kMaxEntities = 1000;

Error bad(const std::string& name, const std::string& what) {
    return {ErrorCode::MetadataMalformed, name + ": " + what};
}

std::string_view local_name(const pugi::xml_node& node) {
    const std::string_view name(node.name());
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// Namespaces in XML 1.0 section 6: the nearest declaration of the prefix.
std::string_view namespace_of(const pugi::xml_node& node) {
    const std::string name(node.name());
    const std::size_t colon = name.find(':');
    const std::string wanted =
        colon == std::string::npos ? "xmlns" : "xmlns:" + name.substr(0, colon);
    for (pugi::xml_node at = node; at; at = at.parent()) {
        if (const pugi::xml_attribute a = at.attribute(wanted.c_str()); a) {
            return a.value();
        }
    }
    return {};
}

bool is(const pugi::xml_node& node, const char* ns, std::string_view name) {
    return node.type() == pugi::node_element && local_name(node) == name &&
           namespace_of(node) == ns;
}

std::vector<pugi::xml_node> children(const pugi::xml_node& parent, const char* ns,
                                     std::string_view name) {
    std::vector<pugi::xml_node> out;
    for (const pugi::xml_node& child : parent.children()) {
        if (is(child, ns, name)) {
            out.push_back(child);
        }
    }
    return out;
}

// All text of an element; comments and elements in between end it with a failure.
bool plain_text(const pugi::xml_node& node, std::string& out) {
    for (const pugi::xml_node& child : node.children()) {
        if (child.type() != pugi::node_pcdata && child.type() != pugi::node_cdata) {
            return false;
        }
        out += child.value();
    }
    return true;
}

Status add_certificates(const pugi::xml_node& key_descriptor, const std::string& name,
                        FederationMetadata& out) {
    for (const pugi::xml_node& info : children(key_descriptor, kDs, "KeyInfo")) {
        for (const pugi::xml_node& data : children(info, kDs, "X509Data")) {
            for (const pugi::xml_node& node : children(data, kDs, "X509Certificate")) {
                std::string text;
                if (!plain_text(node, text)) {
                    return bad(name, "an X509Certificate holds something other than text");
                }
                auto read = read_certificates(ByteView(std::string_view(text)), name);
                if (!read || read->form != FileForm::Base64 || read->certificates.size() != 1) {
                    return bad(name, "an X509Certificate is not one certificate in base64");
                }
                const Certificate& c = read->certificates.front();
                const bool there = std::any_of(
                    out.signing.begin(), out.signing.end(), [&c](const SigningCertificate& s) {
                        return s.certificate.sha256_hex() == c.sha256_hex();
                    });
                if (!there) {
                    out.signing.push_back({c, out.signing.empty()});
                }
                if (out.signing.size() > kMaxSigning) {
                    return bad(
                        name, "more than " + std::to_string(kMaxSigning) + " signing certificates");
                }
            }
        }
    }
    return {};
}

Status add_signing_keys(const pugi::xml_node& role, const std::string& name,
                        FederationMetadata& out) {
    for (const pugi::xml_node& key : children(role, kMd, "KeyDescriptor")) {
        const pugi::xml_attribute use = key.attribute("use");
        if (use && std::strcmp(use.value(), "signing") != 0) {
            continue;  // without "use" a key is for both (SAML metadata section 2.4.1.1)
        }
        if (Status s = add_certificates(key, name, out); !s) {
            return s;
        }
    }
    return {};
}

bool is_token_service(const pugi::xml_node& role) {
    for (const pugi::xml_attribute& a : role.attributes()) {
        const std::string_view attribute(a.name());
        const std::string_view value(a.value());
        const std::size_t colon = value.find(':');
        if ((attribute == "xsi:type" ||
             (attribute.size() > 5 && attribute.substr(attribute.size() - 5) == ":type")) &&
            value.substr(colon == std::string_view::npos ? 0 : colon + 1) ==
                "SecurityTokenServiceType") {
            return true;
        }
    }
    return false;
}

Result<pugi::xml_node> choose_entity(const pugi::xml_node& root, const std::string& name,
                                     const std::string& entity) {
    std::vector<pugi::xml_node> found;
    if (is(root, kMd, "EntityDescriptor")) {
        found.push_back(root);
    } else if (is(root, kMd, "EntitiesDescriptor")) {
        found = children(root, kMd, "EntityDescriptor");
    } else {
        return bad(name,
                   "the root is neither EntityDescriptor nor EntitiesDescriptor of SAML metadata");
    }
    if (found.size() > kMaxEntities) {
        return bad(name, "too many entities");
    }
    if (!entity.empty()) {
        found.erase(std::remove_if(found.begin(), found.end(),
                                   [&entity](const pugi::xml_node& n) {
                                       return entity != n.attribute("entityID").value();
                                   }),
                    found.end());
    }
    if (found.size() != 1) {
        return bad(name, "has " + std::to_string(found.size()) + " entities" +
                             (entity.empty() ? ": name one with --entity" : " of that name"));
    }
    return found.front();
}

}  // namespace

Result<FederationMetadata> parse_federation_metadata(ByteView xml, const std::string& name,
                                                     const std::string& entity) {
    if (xml.size() > kMaxMetadata) {
        return Error(ErrorCode::FileTooLarge,
                     name + ": larger than " + std::to_string(kMaxMetadata) + " bytes");
    }
    pugi::xml_document document;
    const auto parsed = document.load_buffer(
        xml.data(), xml.size(),
        (pugi::parse_default | pugi::parse_doctype | pugi::parse_comments | pugi::parse_pi) &
            ~pugi::parse_wconv_attribute);
    if (!parsed) {
        return bad(name, "not XML: " + std::string(parsed.description()) + " at octet " +
                             std::to_string(parsed.offset));
    }
    for (const pugi::xml_node& node : document.children()) {
        if (node.type() == pugi::node_doctype) {
            return bad(name, "has a document type: refused, nothing in metadata needs one");
        }
    }
    const auto chosen = choose_entity(document.document_element(), name, entity);
    if (!chosen) {
        return chosen.error();
    }
    FederationMetadata out;
    out.entity_id = chosen->attribute("entityID").value();
    if (out.entity_id.empty()) {
        return bad(name, "the entity has no entityID");
    }
    out.is_signed = !children(document.document_element(), kDs, "Signature").empty();
    for (const pugi::xml_node& role : children(*chosen, kMd, "IDPSSODescriptor")) {
        if (Status s = add_signing_keys(role, name, out); !s) {
            return std::move(s).error();
        }
    }
    if (out.signing.empty()) {
        for (const pugi::xml_node& role : children(*chosen, kMd, "RoleDescriptor")) {
            if (!is_token_service(role)) {
                continue;
            }
            if (Status s = add_signing_keys(role, name, out); !s) {
                return std::move(s).error();
            }
        }
    }
    if (out.signing.empty()) {
        return bad(name, "has no token-signing certificate");
    }
    return out;
}

}  // namespace piv
