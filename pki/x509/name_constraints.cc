#include "pki/x509/name_constraints.h"

#include <algorithm>
#include <set>

#include "pki/base/text.h"

namespace piv {

namespace {

enum class Match { Yes, No, CannotTell };
enum class Kind { Permitted, Excluded };

Match yes_if(bool matches) {
    return matches ? Match::Yes : Match::No;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Preferred name syntax (RFC 1034), "*." in front and an underscore let pass; no empty label.
bool host_is_well_formed(std::string_view host) {
    if (host.empty() || host.size() > 253) {
        return false;
    }
    std::size_t label = 0;
    for (const char c : host) {
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            continue;
        }
        const bool good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
        if (!good || ++label > 63) {
            return false;
        }
    }
    return label != 0;
}

// "host.example.com" and everything below it; a leading dot leaves the host itself out.
Match match_dns(std::string_view name_text, std::string_view base_text, Kind kind) {
    std::string name = ascii_lower(name_text);
    const std::string base = ascii_lower(base_text);
    if (!name.empty() && name.back() == '.') {
        name.pop_back();
    }
    if (base.empty()) {
        return Match::Yes;
    }
    const std::string bare = base[0] == '.' ? base.substr(1) : base;
    if (!host_is_well_formed(name) || !host_is_well_formed(bare) ||
        bare.find('*') != std::string::npos) {
        return Match::CannotTell;
    }
    const std::string dotted = '.' + bare;
    if (ends_with(name, dotted)) {
        return Match::Yes;
    }
    if (base[0] != '.' && name == bare) {
        return Match::Yes;
    }
    // A wildcard name stands for every host below it: excluded if any of those is.
    if (kind == Kind::Excluded && name.compare(0, 2, "*.") == 0) {
        const std::string below = name.substr(1);
        return yes_if(ends_with(dotted, below));
    }
    return Match::No;
}

bool split_mailbox(std::string_view text, std::string_view& local, std::string& host) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos || at == 0 ||
        text.find('@', at + 1) != std::string_view::npos) {
        return false;
    }
    local = text.substr(0, at);
    host = ascii_lower(text.substr(at + 1));
    return host_is_well_formed(host) && host.find('*') == std::string::npos;
}

// A mailbox, all mailboxes of a host, or of all hosts below a domain (leading dot).
Match match_email(std::string_view name, std::string_view base_text) {
    std::string_view local;
    std::string host;
    if (!split_mailbox(name, local, host)) {
        return Match::CannotTell;
    }
    if (base_text.find('@') != std::string_view::npos) {
        std::string_view base_local;
        std::string base_host;
        if (!split_mailbox(base_text, base_local, base_host)) {
            return Match::CannotTell;
        }
        return yes_if(local == base_local && host == base_host);
    }
    const std::string base = ascii_lower(base_text);
    if (base.empty()) {
        return Match::Yes;
    }
    if (base[0] == '.') {
        return host_is_well_formed(base.substr(1)) ? yes_if(ends_with(host, base))
                                                   : Match::CannotTell;
    }
    return host_is_well_formed(base) ? yes_if(host == base) : Match::CannotTell;
}

// The host of scheme://[userinfo@]host[:port][/...]; false where RFC 5280 says to reject: no
// authority, or a host that is an address.
bool uri_host(std::string_view uri, std::string& host) {
    const std::size_t scheme = uri.find("://");
    if (scheme == std::string_view::npos || scheme == 0) {
        return false;
    }
    std::string_view authority = uri.substr(scheme + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    const std::size_t user = authority.rfind('@');
    if (user != std::string_view::npos) {
        authority = authority.substr(user + 1);
    }
    if (authority.empty() || authority[0] == '[') {
        return false;
    }
    host = ascii_lower(authority.substr(0, authority.find(':')));
    const bool address = host.find_first_not_of("0123456789.") == std::string::npos;
    return !address && host_is_well_formed(host);
}

// URI constraints of one list, looked up by host: linear in the names, so not counted as comparisons.
struct UriConstraints {
    std::set<std::string> hosts;    // exactly this host
    std::set<std::string> domains;  // ".example.com": hosts below it
    bool any = false;
    bool every_host = false;
    bool malformed = false;

    explicit UriConstraints(const std::vector<GeneralSubtree>& subtrees) {
        for (const GeneralSubtree& subtree : subtrees) {
            if (subtree.base.form != GeneralName::Form::Uri) {
                continue;
            }
            any = true;
            const std::string base = ascii_lower(subtree.base.value.text());
            const bool below = !base.empty() && base[0] == '.';
            if (base.empty()) {
                every_host = true;
            } else if (!subtree.plain_range ||
                       !host_is_well_formed(below ? base.substr(1) : base)) {
                malformed = true;
            } else {
                (below ? domains : hosts).insert(base);
            }
        }
    }

    [[nodiscard]] Match match(std::string_view uri) const {
        std::string host;
        if (malformed || !uri_host(uri, host)) {
            return Match::CannotTell;
        }
        bool found = every_host || hosts.count(host) != 0;
        for (std::size_t dot = host.find('.'); !found && dot != std::string::npos;
             dot = host.find('.', dot + 1)) {
            found = domains.count(host.substr(dot)) != 0;
        }
        return yes_if(found);
    }
};

bool mask_is_prefix(ByteView mask) {
    bool zero_seen = false;
    for (const std::uint8_t octet : mask) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            const bool set = (octet & (0x80U >> bit)) != 0;
            if (set && zero_seen) {
                return false;
            }
            zero_seen = zero_seen || !set;
        }
    }
    return true;
}

Match match_ip(ByteView name, ByteView base) {
    if ((name.size() != 4 && name.size() != 16) || (base.size() != 8 && base.size() != 32) ||
        !mask_is_prefix(base.sub(base.size() / 2))) {
        return Match::CannotTell;
    }
    if (base.size() != name.size() * 2) {
        return Match::No;
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        const unsigned mask = base[name.size() + i];
        if (((name[i] ^ base[i]) & mask) != 0) {
            return Match::No;
        }
    }
    return Match::Yes;
}

bool utf8_value(ByteView der, std::string& out) {
    der::Reader reader(der);
    der::Element value;
    return reader.any(value) && reader.at_end() && value.tag == der::kUtf8String &&
           string_to_utf8(value, out);
}

// User principal names are constrained like mailboxes, with "@domain" as another way to say
// "domain". What is excluded is taken widely: a domain is excluded with all domains below it.
Match match_upn(const GeneralName& name, const GeneralName& base, Kind kind) {
    std::string upn;
    std::string limit;
    if (!utf8_value(name.other_value, upn) || !utf8_value(base.other_value, limit)) {
        return Match::CannotTell;
    }
    upn = ascii_lower(upn);
    limit = ascii_lower(limit);
    if (!limit.empty() && limit[0] == '@') {
        limit.erase(0, 1);
    }
    const Match plain = match_email(upn, limit);
    if (plain == Match::No && kind == Kind::Excluded && !limit.empty() && limit[0] != '.' &&
        limit.find('@') == std::string::npos) {
        return match_email(upn, '.' + limit);
    }
    return plain;
}

Match match(const GeneralName& name, const GeneralName& base, Kind kind) {
    switch (name.form) {
        case GeneralName::Form::Email:
            return match_email(name.value.text(), base.value.text());
        case GeneralName::Form::Dns:
            return match_dns(name.value.text(), base.value.text(), kind);
        case GeneralName::Form::Ip:
            return match_ip(name.value, base.value);
        case GeneralName::Form::Directory:
            return yes_if(name.directory.within(base.directory));
        case GeneralName::Form::Other:
            return name.other_type == oid::kUpn ? match_upn(name, base, kind) : Match::CannotTell;
        case GeneralName::Form::Uri:  // UriConstraints
        case GeneralName::Form::X400:
        case GeneralName::Form::EdiParty:
        case GeneralName::Form::RegisteredId:
            break;
    }
    return Match::CannotTell;
}

bool same_form(const GeneralName& a, const GeneralName& b) {
    return a.form == b.form && (a.form != GeneralName::Form::Other || a.other_type == b.other_type);
}

const char* form_text(GeneralName::Form form) {
    static const char* const names[] = {"otherName",   "rfc822Name",    "dNSName",
                                        "x400Address", "directoryName", "ediPartyName",
                                        "URI",         "iPAddress",     "registeredID"};
    return names[static_cast<unsigned>(form)];
}

Error refused(const GeneralName& name, const char* why) {
    std::string text = form_text(name.form);
    if (name.form == GeneralName::Form::Email || name.form == GeneralName::Form::Dns ||
        name.form == GeneralName::Form::Uri) {
        text += " " + escape_for_display(name.value.text(), 128);
    }
    return {ErrorCode::NameConstraint, text + " " + why};
}

Status check_one(const GeneralName& name, const NameConstraints& constraints) {
    for (const GeneralSubtree& subtree : constraints.excluded) {
        if (!same_form(name, subtree.base)) {
            continue;
        }
        const Match m =
            subtree.plain_range ? match(name, subtree.base, Kind::Excluded) : Match::CannotTell;
        if (m != Match::No) {
            return refused(name, m == Match::Yes ? "is excluded"
                                                 : "meets a constraint that cannot be processed");
        }
    }
    bool constrained = false;
    for (const GeneralSubtree& subtree : constraints.permitted) {
        if (!same_form(name, subtree.base)) {
            continue;
        }
        constrained = true;
        const Match m =
            subtree.plain_range ? match(name, subtree.base, Kind::Permitted) : Match::CannotTell;
        if (m == Match::Yes) {
            return {};
        }
        if (m == Match::CannotTell) {
            return refused(name, "meets a constraint that cannot be processed");
        }
    }
    return constrained ? Status(refused(name, "is not permitted")) : Status();
}

Status check_uri(const GeneralName& name, const UriConstraints& permitted,
                 const UriConstraints& excluded) {
    if (excluded.any) {
        const Match m = excluded.match(name.value.text());
        if (m != Match::No) {
            return refused(name, m == Match::Yes ? "is excluded"
                                                 : "meets a constraint that cannot be processed");
        }
    }
    if (permitted.any && permitted.match(name.value.text()) != Match::Yes) {
        return refused(name, "is not permitted");
    }
    return {};
}

std::size_t count_form(const std::vector<GeneralSubtree>& subtrees, const GeneralName& name) {
    return static_cast<std::size_t>(
        std::count_if(subtrees.begin(), subtrees.end(),
                      [&name](const GeneralSubtree& s) { return same_form(name, s.base); }));
}

std::vector<GeneralName> names_of(const CertificateFields& certificate,
                                  std::vector<std::string>& subject_mail) {
    std::vector<GeneralName> names;
    if (!certificate.subject_name.empty()) {
        GeneralName subject;
        subject.form = GeneralName::Form::Directory;
        subject.directory = certificate.subject_name;
        names.push_back(std::move(subject));
    }
    if (certificate.subject_alt_names) {
        names.insert(names.end(), certificate.subject_alt_names->begin(),
                     certificate.subject_alt_names->end());
    }
    subject_mail = attribute_values(certificate.subject, oid::kEmailAddress);
    for (const std::string& mail : subject_mail) {
        GeneralName name;
        name.form = GeneralName::Form::Email;
        name.value = ByteView(std::string_view(mail));
        names.push_back(std::move(name));
    }
    return names;
}

// A constraint that breaks its own grammar is not one that can be fulfilled.
bool subtree_is_well_formed(const GeneralSubtree& subtree, bool refuse_leading_dot) {
    if (subtree.base.form == GeneralName::Form::Ip) {
        const ByteView value = subtree.base.value;
        return (value.size() == 8 || value.size() == 32) &&
               mask_is_prefix(value.sub(value.size() / 2));
    }
    if (subtree.base.form == GeneralName::Form::Dns) {
        const std::string_view text = subtree.base.value.text();
        return text.find('*') == std::string_view::npos &&
               !(refuse_leading_dot && !text.empty() && text[0] == '.');
    }
    return true;
}

}  // namespace

Status check_name_constraints(const CertificateFields& certificate,
                              const NameConstraints& constraints, NameConstraintBudget& budget) {
    for (const auto* list : {&constraints.permitted, &constraints.excluded}) {
        if (!std::all_of(list->begin(), list->end(), [&budget](const GeneralSubtree& subtree) {
                return subtree_is_well_formed(subtree, budget.refuse_leading_dot);
            })) {
            return Error(ErrorCode::NameConstraint, "a malformed constraint");
        }
    }
    std::vector<std::string> subject_mail;
    const std::vector<GeneralName> names = names_of(certificate, subject_mail);
    const std::size_t subtrees = constraints.permitted.size() + constraints.excluded.size();
    if (subtrees > 0 && names.size() > (std::size_t{1} << 23U) / subtrees) {
        return Error(ErrorCode::PathBudget, "too many names and name constraints");
    }
    std::size_t work = 0;
    for (const GeneralName& name : names) {
        if (name.form != GeneralName::Form::Uri) {
            work +=
                count_form(constraints.permitted, name) + count_form(constraints.excluded, name);
        }
    }
    if (work > budget.comparisons) {
        return Error(ErrorCode::PathBudget, "too many names and name constraints");
    }
    budget.comparisons -= work;
    const UriConstraints permitted(constraints.permitted);
    const UriConstraints excluded(constraints.excluded);
    for (const GeneralName& name : names) {
        Status s = name.form == GeneralName::Form::Uri ? check_uri(name, permitted, excluded)
                                                       : check_one(name, constraints);
        if (!s) {
            return s;
        }
    }
    return {};
}

}  // namespace piv
