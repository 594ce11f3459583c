// The session stacks: where our line is, and that it keeps nobody out.
#include <algorithm>

#include "image_builder/pam_stack.h"

namespace piv {

namespace {

// What pam_sm_open_session answers, and a module that is not there or does not take its arguments.
const std::vector<std::string>& session_outcomes() {
    static const std::vector<std::string> outcomes{"success", "ignore", "session_err",
                                                   "service_err", "module_unknown"};
    return outcomes;
}

bool is_module(const PamRule& rule, const std::string& name) {
    const std::string& module = rule.line.module;
    return !rule.opens_substack && !rule.must_fail &&
           module.substr(module.rfind('/') == std::string::npos ? 0 : module.rfind('/') + 1) ==
               name;
}

// pam_systemd puts the id of the session into PAM's environment, where our line reads it.
bool has_line_behind_logind(const PamStack& stack) {
    bool logind = false;
    for (const PamRule& rule : stack.rules) {
        logind = logind || is_module(rule, "pam_systemd.so") || is_module(rule, "pam_elogind.so");
        if (logind && is_module(rule, "pam_piv.so")) {
            return true;
        }
    }
    return false;
}

PamVerdict open_session(const PamStack& stack, const std::string& outcome) {
    return run_pam_stack(stack, {stack.service, "alice", 1000, true, true, outcome, true, true});
}

// The tree before us, where it opens sessions; a line of the administrator's own is his.
bool opened_before(const std::string& service, const std::string& outcome,
                   const PamProofSettings& settings) {
    if (settings.before == nullptr) {
        return false;
    }
    const Result<PamStack> before = load_pam_stack(*settings.before, service, PamType::Session);
    return before.ok() && open_session(*before, outcome).can_be_granted;
}

}  // namespace

Status prove_session(const Tree& tree, const PamProofSettings& settings, const std::string& service,
                     PamProof& proof) {
    Result<PamStack> stack = load_pam_stack(tree, service, PamType::Session);
    if (!stack) {
        return std::move(stack).error();
    }
    if (stack->rules.empty()) {
        return {};  // it opens no session: a lock screen, polkit
    }
    (has_line_behind_logind(*stack) ? proof.watched : proof.unwatched).push_back(service);
    if (!stack->uses("pam_piv.so")) {
        return {};
    }
    std::string refused;
    for (const std::string& outcome : session_outcomes()) {
        const PamVerdict opened = open_session(*stack, outcome);
        proof.session_rows.push_back({service, outcome, opened});
        if (opened.surely_refused() && opened_before(service, outcome, settings)) {
            refused += (refused.empty() ? "" : ", ") + outcome;
        }
    }
    if (!refused.empty()) {
        proof.problems.push_back(service +
                                 ": no session is opened when the session line of pam_piv "
                                 "returns " +
                                 refused);
    }
    return {};
}

}  // namespace piv
