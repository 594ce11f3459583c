// What must hold of the stacks of a tree, and the table that says whether it does.
#include <algorithm>

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
    const PamScene scene{stack.service, "alice", 1000, true, true, "ignore"};
    if (run_pam_stack(stack, scene).can_be_granted) {
        return true;
    }
    if (settings.before == nullptr) {
        return false;
    }
    const Result<PamStack> before = load_pam_stack(*settings.before, stack.service, PamType::Auth);
    return before.ok() && run_pam_stack(*before, scene).can_be_granted;
}

struct ServiceKind {
    bool console = false;   // where root must get in
    bool password = false;  // takes_password
};

// What must hold of one row. The sentence says what would happen to a person.
void judge_row(const PamProof::Row& row, const PamProofSettings& settings, const ServiceKind& kind,
               std::vector<std::string>& problems) {
    const std::string where = row.service + ", outcome " + row.outcome + ": ";
    const bool in_scope = settings.services.empty() || has(settings.services, row.service);
    if (row.outcome == "success" && !row.card_only.can_be_granted) {
        problems.push_back(where + "a card alone does not log in");
    }
    if (row.outcome == "ignore" || row.outcome == "success") {
        return;
    }
    if (row.card_only.can_be_granted) {
        problems.push_back(where + "a login without card and without password can succeed");
    }
    const bool falls_through = row.outcome == "authinfo_unavail";
    if (in_scope && row.password.can_be_granted && (settings.required || !falls_through)) {
        problems.push_back(where + (settings.required
                                        ? "the required card can be skipped with the password"
                                        : "a refused card can be replaced by the password"));
    }
    if (!settings.required && falls_through && kind.password && row.password.surely_refused()) {
        problems.push_back(where + "without a card nobody can log in, though the card is optional");
    }
    if (kind.console && settings.break_glass && (settings.required || falls_through) &&
        row.root.surely_refused()) {
        problems.push_back(where + "root at the console is locked out");
    }
}

}  // namespace

Result<PamProof> prove_pam(const Tree& tree, const PamProofSettings& settings) {
    Result<std::vector<std::string>> services = pam_services(tree);
    if (!services) {
        return std::move(services).error();
    }
    PamProof proof;
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
        const bool in_scope = settings.services.empty() || has(settings.services, service);
        const ServiceKind kind{service == "login", takes_password(*stack, settings)};
        for (const std::string& outcome : piv_outcomes()) {
            PamProof::Row row;
            row.service = service;
            row.outcome = outcome;
            row.password = run_pam_stack(*stack, {service, "alice", 1000, true, true, outcome});
            row.card_only = run_pam_stack(*stack, {service, "alice", 1000, true, false, outcome});
            row.root = run_pam_stack(*stack, {service, "root", 0, true, true, outcome});
            if (in_scope) {
                judge_row(row, settings, kind, proof.problems);
            }
            proof.rows.push_back(std::move(row));
        }
    }
    return proof;
}

}  // namespace piv
