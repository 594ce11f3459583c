#include "pki/x509/policy_graph.h"

#include <algorithm>

namespace piv {

namespace {

struct Node {
    std::set<std::string> parents;  // in the level above; empty: it came out of anyPolicy there
    bool mapped = false;
};

// The nodes after one certificate. `any` stands for the anyPolicy node.
struct Level {
    std::map<std::string, Node> nodes;
    bool any = false;
    [[nodiscard]] bool empty() const { return nodes.empty() && !any; }
};

// State variables of section 6.1.2 (d), (e), (f).
struct Counters {
    std::size_t explicit_policy = 0;
    std::size_t inhibit_any = 0;
    std::size_t mapping = 0;
};

// Section 6.1.3 (d) and (e): what the certificate's own policies leave of a level. `level` holds
// the expected policies that the level above handed down.
void apply_policies(const CertificateFields& f, bool any_allowed, Level& level) {
    if (!f.policies) {
        level = {};
        return;
    }
    const auto& policies = *f.policies;
    const auto has = [&policies](const std::string& p) {
        return std::find(policies.begin(), policies.end(), p) != policies.end();
    };
    const bool expected_any = level.any;
    if (!has(oid::kAnyPolicy) || !any_allowed) {
        for (auto it = level.nodes.begin(); it != level.nodes.end();) {
            it = has(it->first) ? std::next(it) : level.nodes.erase(it);
        }
        level.any = false;
    }
    if (expected_any) {  // (d)(1)(ii)
        for (const std::string& p : policies) {
            if (p != oid::kAnyPolicy) {
                level.nodes.emplace(p, Node());
            }
        }
    }
}

// Section 6.1.4 (a) and (b): mappings, and the level that the next certificate starts from. False
// when anyPolicy is mapped.
bool apply_mappings(const CertificateFields& f, bool mapping_allowed, Level& level, Level& next) {
    for (const PolicyMapping& m : f.policy_mappings) {
        if (m.issuer_domain == oid::kAnyPolicy || m.subject_domain == oid::kAnyPolicy) {
            return false;
        }
        auto node = level.nodes.find(m.issuer_domain);
        if (node == level.nodes.end()) {
            if (!level.any || !mapping_allowed) {
                continue;
            }
            node = level.nodes.emplace(m.issuer_domain, Node()).first;  // (b)(1), out of anyPolicy
        }
        node->second.mapped = true;
    }
    for (auto it = level.nodes.begin(); !mapping_allowed && it != level.nodes.end();) {
        it = it->second.mapped ? level.nodes.erase(it) : std::next(it);  // (b)(2)
    }
    next = {};
    next.any = level.any;
    for (const auto& [policy, node] : level.nodes) {
        if (!node.mapped) {
            next.nodes[policy].parents.insert(policy);
        }
    }
    if (mapping_allowed) {
        for (const PolicyMapping& m : f.policy_mappings) {
            if (level.nodes.count(m.issuer_domain) != 0) {
                next.nodes[m.subject_domain].parents.insert(m.issuer_domain);
            }
        }
    }
    return true;
}

void lower(std::size_t& counter) {
    counter -= counter > 0 ? 1 : 0;
}

void limit(std::size_t& counter, const std::optional<std::uint32_t>& by) {
    if (by) {
        counter = std::min<std::size_t>(counter, *by);
    }
}

// Section 6.1.4 (h), (i), (j)
void prepare_counters(const CertificateFields& f, bool self_issued, Counters& c) {
    if (!self_issued) {
        lower(c.explicit_policy);
        lower(c.mapping);
        lower(c.inhibit_any);
    }
    if (f.policy_constraints) {
        limit(c.explicit_policy, f.policy_constraints->require_explicit_policy);
        limit(c.mapping, f.policy_constraints->inhibit_policy_mapping);
    }
    limit(c.inhibit_any, f.inhibit_any_policy);
}

// Section 6.1.5 (g): does a policy of the user's set hold for the whole path?
bool meets_user_policies(const std::vector<Level>& levels, const std::vector<std::string>& user) {
    const Level& last = levels.back();
    const auto wanted = [&user](const std::string& p) {
        return std::find(user.begin(), user.end(), p) != user.end();
    };
    if (user.empty() || wanted(oid::kAnyPolicy)) {
        return !last.empty();
    }
    if (last.any) {
        return true;
    }
    std::set<std::string> reachable;
    for (const auto& [policy, node] : last.nodes) {
        reachable.insert(policy);
    }
    for (std::size_t i = levels.size(); i-- > 0;) {
        std::set<std::string> above;
        for (const std::string& policy : reachable) {
            const auto node = levels[i].nodes.find(policy);
            if (node == levels[i].nodes.end()) {
                continue;
            }
            if (node->second.parents.empty() && wanted(policy)) {
                return true;  // valid_policy_node_set: its parent is anyPolicy
            }
            above.insert(node->second.parents.begin(), node->second.parents.end());
        }
        reachable = std::move(above);
    }
    return false;
}

}  // namespace

bool policies_hold(const std::vector<const CertificateFields*>& path, const PolicyInputs& inputs) {
    const std::size_t n = path.size();
    Counters c;
    c.explicit_policy = inputs.require_explicit_policy ? 0 : n + 1;
    c.inhibit_any = inputs.inhibit_any_policy ? 0 : n + 1;
    c.mapping = inputs.inhibit_policy_mapping ? 0 : n + 1;
    std::vector<Level> levels;
    Level level;
    level.any = true;  // 6.1.2 (a)
    for (std::size_t i = 0; i < n; ++i) {
        const CertificateFields& f = *path[i];
        const bool last = i + 1 == n;
        const bool self_issued = f.issuer_name == f.subject_name;
        const bool any_allowed = c.inhibit_any > 0 || (!last && self_issued);
        apply_policies(f, any_allowed, level);
        if (c.explicit_policy == 0 && level.empty()) {  // 6.1.3 (f)
            return false;
        }
        Level next;
        if (!last) {
            if (!apply_mappings(f, c.mapping > 0, level, next)) {
                return false;
            }
            prepare_counters(f, self_issued, c);
        } else {
            lower(c.explicit_policy);  // 6.1.5 (a)
            if (f.policy_constraints && f.policy_constraints->require_explicit_policy == 0U) {
                c.explicit_policy = 0;  // 6.1.5 (b)
            }
        }
        levels.push_back(std::move(level));
        level = std::move(next);
    }
    if (n == 0) {
        return true;
    }
    return c.explicit_policy > 0 || meets_user_policies(levels, inputs.user_initial_policy_set);
}

}  // namespace piv
