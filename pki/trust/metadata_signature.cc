#include "pki/trust/metadata_signature.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#include <cstring>
#include <memory>

namespace piv {

namespace {

struct Free {
    void operator()(xmlDoc* p) const noexcept { xmlFreeDoc(p); }
    void operator()(xmlSecDSigCtx* p) const noexcept { xmlSecDSigCtxDestroy(p); }
    void operator()(xmlChar* p) const noexcept { xmlFree(p); }
};
using Document = std::unique_ptr<xmlDoc, Free>;

Error untrusted(const std::string& name, const std::string& what) {
    return {ErrorCode::MetadataUntrusted, name + ": " + what};
}

bool start_library() {
    static const bool started = [] {
        xmlSecErrorsSetCallback(nullptr);
        return xmlSecInit() == 0 && xmlSecCheckVersion() == 1 && xmlSecCryptoInit() == 0;
    }();
    if (started) {
        xmlSecErrorsDefaultCallbackEnableOutput(0);
    }
    return started;
}

bool is_one_of(const xmlSecTransformCtx& transforms, xmlSecTransformId id) {
    for (xmlSecTransformPtr t = transforms.first; t != nullptr; t = t->next) {
        if (t->id == id) {
            return true;
        }
    }
    return false;
}

// The algorithms that AD FS uses and nothing weaker; no XPath, XSLT or network.
bool allow_algorithms(xmlSecDSigCtx* context) {
    const xmlSecTransformId signatures[] = {
        xmlSecTransformExclC14NId,   xmlSecTransformRsaSha256Id,   xmlSecTransformRsaSha384Id,
        xmlSecTransformRsaSha512Id,  xmlSecTransformEcdsaSha256Id, xmlSecTransformEcdsaSha384Id,
        xmlSecTransformEcdsaSha512Id};
    const xmlSecTransformId references[] = {xmlSecTransformEnvelopedId, xmlSecTransformExclC14NId,
                                            xmlSecTransformSha256Id, xmlSecTransformSha384Id,
                                            xmlSecTransformSha512Id};
    for (const xmlSecTransformId id : signatures) {
        if (xmlSecDSigCtxEnableSignatureTransform(context, id) != 0) {
            return false;
        }
    }
    for (const xmlSecTransformId id : references) {
        if (xmlSecDSigCtxEnableReferenceTransform(context, id) != 0) {
            return false;
        }
    }
    context->enabledReferenceUris =
        xmlSecTransformUriTypeEmpty | xmlSecTransformUriTypeSameDocument;
    return true;
}

std::string attribute(const xmlNode* node, const char* name) {
    const std::unique_ptr<xmlChar, Free> value(
        xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name)));
    return value ? reinterpret_cast<const char*>(value.get()) : "";
}

// How many elements of the document have an ID attribute of that value.
int count_ids(xmlNode* root, const std::string& value) {
    int count = 0;
    for (xmlNode* node = root; node != nullptr;) {
        if (node->type == XML_ELEMENT_NODE &&
            (attribute(node, "ID") == value || attribute(node, "Id") == value ||
             attribute(node, "id") == value)) {
            ++count;
        }
        if (node->type == XML_ELEMENT_NODE && node->children != nullptr) {
            node = node->children;
            continue;
        }
        while (node != nullptr && node != root && node->next == nullptr) {
            node = node->parent;
        }
        node = node == root || node == nullptr ? nullptr : node->next;
    }
    return count;
}

// Signature wrapping: the signature has to be about the element that we will read, the root.
Result<xmlNode*> signature_of_root(xmlDoc* document, const std::string& name) {
    xmlNode* const root = xmlDocGetRootElement(document);
    xmlNode* found = nullptr;
    for (xmlNode* node = root->children; node != nullptr; node = node->next) {
        if (xmlSecCheckNodeName(node, xmlSecNodeSignature, xmlSecDSigNs) != 0) {
            if (found != nullptr) {
                return untrusted(name, "has two signatures");
            }
            found = node;
        }
    }
    if (found == nullptr) {
        return untrusted(name, "is not signed");
    }
    xmlNode* const info = xmlSecFindChild(found, xmlSecNodeSignedInfo, xmlSecDSigNs);
    xmlNode* const reference =
        info == nullptr ? nullptr : xmlSecFindChild(info, xmlSecNodeReference, xmlSecDSigNs);
    if (reference == nullptr) {
        return untrusted(name, "the signature covers nothing");
    }
    for (xmlNode* node = reference->next; node != nullptr; node = node->next) {
        if (xmlSecCheckNodeName(node, xmlSecNodeReference, xmlSecDSigNs) != 0) {
            return untrusted(name, "the signature has several references");
        }
    }
    const std::string uri = attribute(reference, "URI");
    const std::string id = attribute(root, "ID");
    if (!uri.empty() && (id.empty() || uri != "#" + id || count_ids(root, id) != 1)) {
        return untrusted(name, "the signature is not about the whole document");
    }
    return found;
}

bool verifies(xmlDoc* document, xmlNode* signature, const Certificate& trusted) {
    const std::unique_ptr<xmlSecDSigCtx, Free> context(xmlSecDSigCtxCreate(nullptr));
    if (!context || !allow_algorithms(context.get())) {
        return false;
    }
    const ByteView der = trusted.der();
    context->signKey =
        xmlSecCryptoAppKeyLoadMemory(der.data(), static_cast<xmlSecSize>(der.size()),
                                     xmlSecKeyDataFormatCertDer, nullptr, nullptr, nullptr);
    if (context->signKey == nullptr) {
        return false;
    }
    // xmlSecDSigCtxVerify changes nothing in the tree but adds the result's nodes to its context.
    if (xmlSecDSigCtxVerify(context.get(), signature) != 0 ||
        context->status != xmlSecDSigStatusSucceeded ||
        xmlSecPtrListGetSize(&context->signedInfoReferences) != 1) {
        return false;
    }
    const auto* reference = static_cast<xmlSecDSigReferenceCtx*>(
        xmlSecPtrListGetItem(&context->signedInfoReferences, 0));
    (void)document;
    return reference != nullptr && reference->status == xmlSecDSigStatusSucceeded &&
           is_one_of(reference->transformCtx, xmlSecTransformEnvelopedId);
}

}  // namespace

Result<Bytes> verify_metadata_signature(ByteView xml, const std::string& name,
                                        const std::vector<Certificate>& trusted) {
    if (!start_library()) {
        return Error(ErrorCode::Internal, "xmlsec cannot be started");
    }
    // No network, no entities, no DTD; without XML_PARSE_HUGE libxml2 caps depth and sizes.
    Document document(xmlReadMemory(reinterpret_cast<const char*>(xml.data()),
                                    static_cast<int>(xml.size()), nullptr, nullptr,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
    if (!document || xmlDocGetRootElement(document.get()) == nullptr) {
        return Error(ErrorCode::MetadataMalformed, name + ": not XML");
    }
    if (xmlGetIntSubset(document.get()) != nullptr) {
        return Error(ErrorCode::MetadataMalformed, name + ": has a document type");
    }
    const auto signature = signature_of_root(document.get(), name);
    if (!signature) {
        return signature.error();
    }
    const xmlChar* ids[] = {reinterpret_cast<const xmlChar*>("ID"), nullptr};
    xmlSecAddIDs(document.get(), xmlDocGetRootElement(document.get()), ids);
    for (const Certificate& c : trusted) {
        if (verifies(document.get(), *signature, c)) {
            xmlChar* text = nullptr;
            int size = 0;
            xmlDocDumpMemoryEnc(document.get(), &text, &size, "UTF-8");
            const std::unique_ptr<xmlChar, Free> owner(text);
            if (text == nullptr || size <= 0) {
                return Error(ErrorCode::OutOfMemory, name);
            }
            return Bytes(text, text + size);
        }
    }
    return untrusted(name, "the signature does not verify with a trusted certificate");
}

}  // namespace piv
