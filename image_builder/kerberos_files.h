// PKINIT (RFC 4556) with the staged chain: a drop-in for MIT Kerberos' krb5.conf.
#pragma once

#include "image_builder/ca_input.h"
#include "image_builder/plan.h"
#include "image_builder/tree.h"

namespace piv {

struct PkinitSettings {
    std::vector<std::string> realms;  // REALM[=KDC]
    bool debian = false;
    bool intermediates =
        false;  // the chain has some: a pool that is not there is an error to PKINIT
};

/// `text` is REALM[=KDC]: letters, digits, "-", "_" and "." in both.
bool is_pkinit_realm(const std::string& text);

/// /etc/krb5.conf.d/50-piv-login, and a marked section with its includedir in /etc/krb5.conf where
/// that does not include the folder. With a KDC named, its certificate may be one for server
/// authentication with that DNS name (pkinit_kdc_hostname, pkinit_eku_checking).
Findings plan_pkinit(const Tree& tree, const PkinitSettings& settings, StagePlan& plan);

/// Whether krb5.conf includes /etc/krb5.conf.d, as a krb5.conf(5) reader sees it.
bool includes_krb5_folder(const std::string& text);

}  // namespace piv
