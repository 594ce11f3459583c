#include "image_builder/stage_options.h"

#include <algorithm>
#include <array>

#include "image_builder/kerberos_files.h"
#include "pki/base/text.h"

namespace piv {

namespace {

constexpr std::array<std::string_view, 10> kMapKinds{{"upn", "file", "edipi", "email", "sid",
                                                      "issuer-serial", "ski", "spki-sha256",
                                                      "cert-sha256", "subject"}};

constexpr std::array<std::string_view, 2> kCompat{{"sssd", "pam_pkcs11"}};

bool all_of(const std::string& text, std::string_view extra) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               extra.find(c) != std::string_view::npos;
    });
}

bool is_domain(const std::string& text) {
    const std::size_t eq = text.find('=');
    const std::string dns = text.substr(0, eq);
    if (!all_of(dns, "-.") || dns.front() == '.' || dns.back() == '.' || dns.front() == '-' ||
        dns.find("..") != std::string::npos || dns.size() > 253) {
        return false;
    }
    return eq == std::string::npos || (all_of(text.substr(eq + 1), "-_") && text.size() - eq <= 16);
}

bool is_http_url(const std::string& text) {
    return text.compare(0, 7, "http://") == 0 && text.size() > 7 && text.size() < 2048 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != '#' && c != ';';
           });
}

std::string joined(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& item : list) {
        out += (out.empty() ? "" : ",") + item;
    }
    return out;
}

Error usage(const std::string& what) {
    return {ErrorCode::BadUsage, what};
}

}  // namespace

Status check_options(const StageOptions& o) {
    for (const std::string& d : o.domains) {
        if (!is_domain(d)) {
            return usage("--domain " + d + ": is not DNS[=NETBIOS]");
        }
    }
    for (const std::string& u : o.ocsp_urls) {
        if (!is_http_url(u)) {
            return usage("--ocsp-url " + u + ": is not an http address");
        }
    }
    for (const std::string& m : o.map) {
        if (std::find(kMapKinds.begin(), kMapKinds.end(), m) == kMapKinds.end()) {
            const std::string near = did_you_mean(m, kMapKinds);
            return usage("--map " + m + ": is not a kind of mapping" +
                         (near.empty() ? "" : "; did you mean " + near + "?"));
        }
        if ((m == "email" || m == "subject") && !o.allow_weak_mapping) {
            return usage("--map " + m +
                         ": is a weak mapping; say --allow-weak-mapping if it is meant");
        }
    }
    for (const std::string& s : o.services) {
        if (!all_of(s, "-_.+") || s.size() > 64) {
            return usage("--service " + s + ": is not a service name");
        }
    }
    for (const std::string& g : o.exempt) {
        if (!all_of(g, "-_.") || g.size() > 32) {
            return usage("--exempt " + g + ": is not a group name");
        }
    }
    for (const std::string& c : o.compat) {
        if (std::find(kCompat.begin(), kCompat.end(), c) == kCompat.end()) {
            const std::string near = did_you_mean(c, kCompat);
            return usage("--compat " + c + ": is not sssd or pam_pkcs11" +
                         (near.empty() ? "" : "; did you mean " + near + "?"));
        }
    }
    for (const std::string& realm : o.pkinit) {
        if (!is_pkinit_realm(realm)) {
            return usage("--pkinit " + realm + ": is not REALM[=KDC]");
        }
    }
    if (o.exempt.size() > 1) {
        return usage("--exempt: one group");
    }
    return {};
}

std::string config_text(const StageOptions& o, const std::vector<std::string>& services) {
    std::string out =
        "# Written by enable-smartcard. It is replaced by the next run and taken back by --undo.\n"
        "# Settings of your own go into piv-login.conf.d/*.conf; see piv-login.conf(5).\n";
    const auto line = [&out](const std::string& key, const std::string& value) {
        if (!value.empty()) {
            out += key + " = " + value + "\n";
        }
    };
    out += "\n[trust]\n";
    line("anchors", PIV_SYSCONFDIR "/trust/anchors");
    line("intermediates", PIV_SYSCONFDIR "/trust/intermediates");
    if (!o.crls.empty()) {
        line("crl", PIV_STATEDIR "/crl");
    }
    if (!o.ocsp.empty() || !o.ocsp_urls.empty()) {
        out += "\n[revocation]\n";
        line("ocsp", o.ocsp);
        line("ocsp_url", joined(o.ocsp_urls));
    }
    if (!o.map.empty() || !o.domains.empty() || o.allow_weak_mapping || !o.exempt.empty()) {
        out += "\n[mapping]\n";
        line("map", joined(o.map));
        line("domain", joined(o.domains));
        line("allow_weak", o.allow_weak_mapping ? "yes" : "");
        line("exempt_group", o.exempt.empty() ? "" : o.exempt.front());
    }
    if (!services.empty()) {
        out += "\n[policy]\n";
        line("services", joined(services));
    }
    if (!o.on_card_removal.empty()) {
        out += "\n[session]\n";
        line("on_card_removal", o.on_card_removal);
    }
    return out;
}

std::vector<std::string> canonical_options(const StageOptions& o) {
    std::vector<std::string> out;
    const auto add = [&out](const std::string& name, const std::string& value) {
        if (!value.empty()) {
            out.push_back(name + "=" + value);
        }
    };
    add("mode", o.required ? "required" : "optional");
    add("break-glass", o.required && !o.break_glass ? "no" : "");
    add("ocsp", o.ocsp);
    add("ocsp-url", joined(o.ocsp_urls));
    add("domain", joined(o.domains));
    add("map", joined(o.map));
    add("service", joined(o.services));
    add("exempt", joined(o.exempt));
    add("allow-weak-mapping", o.allow_weak_mapping ? "yes" : "");
    add("system-trust", o.system_trust ? "yes" : "");
    add("compat", joined(o.compat));
    add("pkinit", joined(o.pkinit));
    add("browsers", o.browsers ? "yes" : "");
    add("nss-db", o.nss_db ? "yes" : "");
    add("on-card-removal", o.on_card_removal);
    add("rollover", o.rollover ? "yes" : "");
    return out;
}

}  // namespace piv
