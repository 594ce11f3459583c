// The PAM stack prover: runs a service's stack as libpam would, for a given outcome of our module,
// and says what can come out. Modules that we know answer as they do; of one that we do not know
// every answer is tried. Nothing is loaded or executed.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "image_builder/pam_file.h"
#include "image_builder/tree.h"

namespace piv {

/// Who tries to log in, and what they have.
struct PamScene {
    std::string service;
    std::string user;
    unsigned long uid = 1000;
    bool local = true;  // in the tree's own passwd file
    bool password_right = false;
    std::string piv_outcome;  // PAM name of what pam_piv returns: "success", "auth_err", ...
    bool strangers_may_grant = true;  // modules that are not known here may answer "success"
    bool opens_session = false;       // the stack is one of type session
};

struct PamVerdict {
    bool can_be_granted = false;
    bool can_be_refused = false;
    [[nodiscard]] bool surely_granted() const { return can_be_granted && !can_be_refused; }
    [[nodiscard]] bool surely_refused() const { return !can_be_granted && can_be_refused; }
};

/// One service's stack of one type, includes resolved.
struct PamRule {
    PamLine line;
    std::string file;
    PamControl control;
    int level = 0;  // of substacks
    bool opens_substack = false;
    bool must_fail = false;  // a line or an included file that libpam cannot read
};
struct PamStack {
    std::string service;
    std::vector<PamRule> rules;
    std::vector<std::string> problems;  // jumps past the end, missing files, lines not understood
    [[nodiscard]] bool uses(const std::string& module) const;
};

/// Services are looked up in /etc/pam.d, then in /usr/lib/pam.d and /usr/etc/pam.d (vendor folders,
/// Linux-PAM 1.2 and later). Error: FileNotFound.
Result<PamStack> load_pam_stack(const Tree& tree, const std::string& service, PamType type);
/// Names of the services in those folders that no other file includes.
Result<std::vector<std::string>> pam_services(const Tree& tree);
/// Tries every answer of modules that are not known, up to a bound (then both verdicts are possible).
PamVerdict run_pam_stack(const PamStack& stack, const PamScene& scene);

/// Every outcome of our module by the contract, and "module_unknown" for when it is not there.
const std::vector<std::string>& piv_outcomes();

struct PamProofSettings {
    bool required = false;    // no password login in a service of `services`
    bool break_glass = true;  // root gets in at the console with the password whatever we return
    std::vector<std::string> services;
    const Tree* before = nullptr;  // the tree before staging: who got in there still must
};
struct PamProof {
    struct Row {
        std::string service;
        std::string outcome;
        PamVerdict password;   // an ordinary user who knows the password
        PamVerdict card_only;  // an ordinary user who knows none
        PamVerdict root;       // root at the console with the right password
        // The same when no module that is not known here lets anybody in by itself.
        PamVerdict password_known;
        PamVerdict card_only_known;
    };
    /// Whether a session is opened, by what the session line of our module answers.
    struct SessionRow {
        std::string service;
        std::string outcome;
        PamVerdict opened;
    };
    std::vector<Row> rows;
    std::vector<SessionRow> session_rows;
    std::vector<std::string> watched;    // our session line is where the session has its id
    std::vector<std::string> unwatched;  // a session is opened, and no such line
    std::vector<std::string> covered;    // services whose stack asks our module
    std::vector<std::string> problems;   // one sentence each; empty: proven
    std::vector<std::string> strangers;  // modules that are not known: the proof leaves them out
};
/// What the prover knows the answers of.
bool is_known_pam_module(const std::string& name);
Result<PamProof> prove_pam(const Tree& tree, const PamProofSettings& settings);
/// The session stack of one service that asks the card, added to `proof`. A session that was opened
/// before us is opened whatever our line answers: else it is among the problems.
Status prove_session(const Tree& tree, const PamProofSettings& settings, const std::string& service,
                     PamProof& proof);

}  // namespace piv
