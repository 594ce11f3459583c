// What must hold of the stacks of a tree, and the table that says whether it does.
#include <algorithm>
#include <map>
#include <set>

#include "image_builder/pam_stack.h"

namespace piv {

const std::vector<std::string>& piv_outcomes() {
    static const std::vector<std::string> outcomes{
        "success",           "auth_err",     "maxtries", "authinfo_unavail",
        "cred_insufficient", "user_unknown", "conv_err", "service_err",
        "system_err",        "buf_err",      "ignore",   "module_unknown"};
    return outcomes;
}

namespace {

bool has(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Whether the service is one that people log in to with a password. A card greeter's stack is not:
// it has only the card, and nobody is locked out when it refuses.
bool takes_password(const PamStack& stack, const PamProofSettings& settings) {
    const PamScene scene{stack.service, "alice", 1000, true, true, "ignore", true};
    if (run_pam_stack(stack, scene).can_be_granted) {
        return true;
    }
    if (settings.before == nullptr) {
        return false;
    }
    const Result<PamStack> before = load_pam_stack(*settings.before, stack.service, PamType::Auth);
    return before.ok() && run_pam_stack(*before, scene).can_be_granted;
}

// Whether it let everybody in before we came.
bool was_open(const std::string& service, const PamProofSettings& settings) {
    if (settings.before == nullptr) {
        return false;
    }
    const Result<PamStack> before = load_pam_stack(*settings.before, service, PamType::Auth);
    const PamScene scene{service, "alice", 1000, true, false, "ignore", false};
    return before.ok() && run_pam_stack(*before, scene).can_be_granted;
}

struct ServiceKind {
    bool console = false;   // where root must get in
    bool password = false;  // takes_password
    bool open = false;      // was_open
};

// What must hold of one row, as sentences on what would happen to a person. That somebody gets in is
// judged without the modules that are not known here (they did so before us, too, and are named);
// that somebody is locked out only when no answer of theirs would let him in.
std::vector<std::string> judge_row(const PamProof::Row& row, const PamProofSettings& settings,
                                   const ServiceKind& kind) {
    std::vector<std::string> found;
    if (row.outcome == "success" && !row.card_only.can_be_granted) {
        found.emplace_back("a card alone does not log in");
    }
    if (row.outcome == "success") {
        return found;
    }
    const bool ignored = row.outcome == "ignore";  // not asked here, or somebody exempt
    if (row.card_only_known.can_be_granted && !(ignored && kind.open)) {
        found.emplace_back("a login without card and without password can succeed");
    }
    if (ignored) {
        return found;
    }
    const bool falls_through = row.outcome == "authinfo_unavail";
    if (row.password_known.can_be_granted && (settings.required || !falls_through)) {
        found.emplace_back(settings.required ? "the required card can be skipped with the password"
                                             : "a refused card can be replaced by the password");
    }
    if (!settings.required && falls_through && kind.password && row.password.surely_refused()) {
        found.emplace_back("without a card nobody can log in, though the card is optional");
    }
    if (kind.console && settings.break_glass && (settings.required || falls_through) &&
        row.root.surely_refused()) {
        found.emplace_back("root at the console is locked out");
    }
    return found;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : ", ") + word;
    }
    return out;
}

// One sentence for all services and outcomes that it is true of.
class Findings {
  public:
    void add(const std::string& sentence, const std::string& service, const std::string& outcome) {
        outcomes_[{sentence, service}].push_back(outcome);
    }
    [[nodiscard]] std::vector<std::string> sentences() const {
        std::map<std::pair<std::string, std::string>, std::vector<std::string>> services;
        for (const auto& [key, outcomes] : outcomes_) {
            services[{key.first, joined(outcomes)}].push_back(key.second);
        }
        std::vector<std::string> out;
        out.reserve(services.size());
        for (const auto& [key, names] : services) {
            out.push_back(key.first + ": " + joined(names) + " (when pam_piv returns " +
                          key.second + ")");
        }
        return out;
    }

  private:
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> outcomes_;
};

PamProof::Row row_of(const PamStack& stack, const std::string& outcome) {
    PamProof::Row row;
    row.service = stack.service;
    row.outcome = outcome;
    PamScene scene{stack.service, "alice", 1000, true, true, outcome, true};
    row.password = run_pam_stack(stack, scene);
    scene.strangers_may_grant = false;
    row.password_known = run_pam_stack(stack, scene);
    scene.password_right = false;
    row.card_only_known = run_pam_stack(stack, scene);
    scene.strangers_may_grant = true;
    row.card_only = run_pam_stack(stack, scene);
    row.root = run_pam_stack(stack, {stack.service, "root", 0, true, true, outcome, true});
    return row;
}

}  // namespace

Result<PamProof> prove_pam(const Tree& tree, const PamProofSettings& settings) {
    Result<std::vector<std::string>> services = pam_services(tree);
    if (!services) {
        return std::move(services).error();
    }
    PamProof proof;
    Findings findings;
    std::set<std::string> strangers;
    for (const std::string& service : *services) {
        Result<PamStack> stack = load_pam_stack(tree, service, PamType::Auth);
        if (!stack) {
            return std::move(stack).error();
        }
        if (!stack->uses("pam_piv.so")) {
            continue;
        }
        proof.covered.push_back(service);
        for (const std::string& problem : stack->problems) {
            proof.problems.push_back(service + ": " + problem);
        }
        for (const PamRule& rule : stack->rules) {
            const std::string module = rule.line.module.substr(rule.line.module.rfind('/') + 1);
            if (!rule.opens_substack && !rule.must_fail && !is_known_pam_module(module)) {
                strangers.insert(module);
            }
        }
        if (Status s = prove_session(tree, settings, service, proof); !s) {
            return std::move(s).error();
        }
        const bool in_scope = settings.services.empty() || has(settings.services, service);
        const ServiceKind kind{service == "login", takes_password(*stack, settings),
                               was_open(service, settings)};
        for (const std::string& outcome : piv_outcomes()) {
            proof.rows.push_back(row_of(*stack, outcome));
            if (in_scope) {
                for (const std::string& sentence : judge_row(proof.rows.back(), settings, kind)) {
                    findings.add(sentence, service, outcome);
                }
            }
        }
    }
    for (std::string& sentence : findings.sentences()) {
        proof.problems.push_back(std::move(sentence));
    }
    proof.strangers.assign(strangers.begin(), strangers.end());
    return proof;
}

}  // namespace piv
