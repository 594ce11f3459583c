// piv-trust rollover: what the timer runs.
#include <syslog.h>

#include "pki/base/file.h"
#include "pki/base/text.h"
#include "pki/config/rooted_file.h"
#include "pki/trust/piv_trust_output.h"

namespace piv {

namespace {

constexpr char kMetrics[] = PIV_STATEDIR "/metrics.prom";
constexpr char kChecked[] = PIV_STATEDIR "/rollover-checked";

// A check that is recorded in the future was made by a wrong clock, and is none.
bool is_due(const TrustInventory& inventory, UnixTime now) {
    const auto content = read_rooted(inventory.tree.root, kChecked, 64);
    const auto last = content ? parse_time(ByteView(*content).text().substr(0, 20))
                              : Result<UnixTime>(content.error());
    return !last || *last > now ||
           now - *last >= inventory.settings.rollover.rollover_interval * 60;
}

Status write_text(const std::string& root, const std::string& path, const std::string& text) {
    return write_rooted(root, path, ByteView(std::string_view(text)), 0644);
}

// For the next runs, and for those who watch.
Status save_results(const TrustOptions& o, const TrustReport& report) {
    const std::string metrics = trust_metrics(report, o.now);
    Status s = o.metrics.empty()
                   ? write_text(o.tree.root, kMetrics, metrics)
                   : write_file_atomically(o.metrics, ByteView(std::string_view(metrics)), 0644);
    return s ? write_text(o.tree.root, kChecked, format_time(o.now) + "\n") : s;
}

// A line with its priority in front, as sd-daemon(3) has it.
void for_journal(int priority, const std::string& text) {
    std::fprintf(stderr, "<%d>%s\n", priority, escape_for_display(text).c_str());
}

void tell_journal(const Change& change, const TrustReport& report) {
    for (const std::string& what : change.done) {
        for_journal(LOG_NOTICE, what);
    }
    for (const TrustProblem& p : report.problems) {
        for_journal(LOG_WARNING, p.text + " (" + p.code + "); try: " + p.hint);
    }
}

void tell(const TrustOptions& o, const Change& change, const TrustReport& report) {
    if (o.json) {
        nlohmann::ordered_json document = to_json(report);
        document["changes"] = change.done;
        document["dry_run"] = o.dry_run;
        print_json(document);
    }
    if (o.timer) {
        tell_journal(change, report);
        return;
    }
    if (!o.json) {
        print_done(o, change);
    }
    print_problems(report);
}

}  // namespace

int run_rollover(const TrustOptions& o) {
    const auto before = load_inventory(o.tree);
    if (!before) {
        return fail(kTrustTool, before.error(), o.json);
    }
    if (o.timer && !is_due(*before, o.now)) {
        if (o.json) {
            print_json({{"due", false}});
        }
        return 0;
    }
    const TrustEvidence evidence = collect_evidence(*before);
    const Change change = roll_over(*before, evidence, o.now);
    const TrustReport report = report_trust(change.after, evidence, o.now);
    if (!o.dry_run) {
        if (Status s = save_inventory(*before, change.after); !s) {
            return fail(kTrustTool, s.error(), o.json);
        }
        if (Status s = save_results(o, report); !s) {
            // The chain has changed all the same, and the next run will not say so.
            if (o.timer) {
                tell_journal(change, report);
            } else if (!o.json) {
                print_done(o, change);
            }
            return fail(kTrustTool, s.error(), o.json);
        }
    }
    tell(o, change, report);
    return report.problems.empty() ? 0 : 1;
}

}  // namespace piv
