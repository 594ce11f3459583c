// What a staged tree has that can be taken elsewhere: read and checked once, for all formats.
#pragma once

#include "image_builder/manifest.h"
#include "pki/x509/certificate.h"

namespace piv {

struct ExportCertificate {
    std::string file;  // "01-Example-Root-CA-0123456789abcdef.pem"
    std::string pem;
    Certificate certificate;
    bool anchor = false;
};

struct ExportAnswer {    // a staged OCSP response or CRL
    std::string option;  // "--crl" or "--ocsp-response"
    std::string file;
    Bytes content;
};

struct ExportSet {
    StageManifest manifest;
    std::vector<ExportCertificate> certificates;  // anchors first
    std::vector<ExportAnswer> answers;
    std::vector<std::string> options;  // words of enable-smartcard's command line
    std::vector<std::string> ocsp_urls;
};

/// Errors: ImageDrift (nothing staged, or changed since), ImageTree, CertMalformed.
Result<ExportSet> read_export_set(const RootDir& root);

/// The staged files, links and folders as a tar file (pax where ustar does not do), in order of
/// path, owned by root, with `time` as their time: equal trees give equal bytes. What undo needs is
/// left out: it belongs to the tree that was staged. Error: ImageTree.
Result<std::string> overlay_tar(const RootDir& root, const ExportSet& set, std::int64_t time);

/// A shell script that stages the same on the system it runs on.
std::string export_script(const ExportSet& set);
/// An EC2 Image Builder component (AWSTOE, schema 1.0).
std::string export_component(const ExportSet& set);
/// A provisioner for a build block of Packer.
std::string export_packer(const ExportSet& set);
/// A playbook for Ansible.
std::string export_ansible(const ExportSet& set);
/// Commands that register the issuing CAs with an AD Connector.
std::string export_ad_connector_script(const ExportSet& set);

}  // namespace piv
