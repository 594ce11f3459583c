#include "pki/trust/piv_trust_output.h"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>

#include "pki/base/text.h"

namespace piv {

using Json = nlohmann::ordered_json;

namespace {

Json to_json(const TrustRow& row) {
    Json j{{"role", row.role},
           {"state", row.state},
           {"subject", row.subject},
           {"sha256", row.sha256},
           {"file", row.file},
           {"not_before", nullptr},
           {"not_after", format_time(row.not_after)},
           {"days_left", row.days_left},
           {"since", nullptr},
           {"becomes_active", nullptr},
           {"successor", nullptr},
           {"breaks", row.breaks}};
    const std::pair<const char*, std::string> texts[] = {
        {"since", row.since}, {"becomes_active", row.becomes_active}, {"successor", row.successor}};
    for (const auto& [key, text] : texts) {
        if (!text.empty()) {
            j[key] = text;
        }
    }
    if (row.not_before != 0) {
        j["not_before"] = format_time(row.not_before);
    }
    return j;
}

// The life of a certificate on a line of 40 columns between the earliest start and the latest end.
std::string bar(const TrustRow& row, UnixTime from, UnixTime to, UnixTime now) {
    constexpr UnixTime kColumns = 40;
    const auto column = [from, to](UnixTime time) {
        return std::min(kColumns - 1, std::max<UnixTime>(0, (time - from) * kColumns /
                                                                std::max<UnixTime>(1, to - from)));
    };
    std::string out(static_cast<std::size_t>(kColumns), ' ');
    for (UnixTime c = column(row.not_before); c <= column(row.not_after); ++c) {
        out[static_cast<std::size_t>(c)] = row.state == "active" ? '='
                                           : row.state == "next" ? '+'
                                                                 : '-';
    }
    out[static_cast<std::size_t>(column(now))] = '|';
    return out;
}

// Forced changes leave a trace, in whatever root they were made.
void log_forced(const TrustOptions& o, const Change& change) {
    openlog(kTrustTool, LOG_PID, LOG_AUTHPRIV);
    for (const std::string& what : change.done) {
        syslog(LOG_NOTICE, "--force by uid %u%s%s: %s", static_cast<unsigned>(getuid()),
               o.tree.root.empty() ? "" : " in ", escape_for_display(o.tree.root).c_str(),
               escape_for_display(what).c_str());
    }
    closelog();
}

}  // namespace

Json to_json(const TrustProblem& p) {
    return {{"code", p.code}, {"sha256", p.sha256}, {"detail", p.text}, {"hint", p.hint}};
}

Json to_json(const TrustReport& report) {
    Json document{{"certificates", Json::array()}, {"problems", Json::array()}};
    for (const TrustRow& row : report.rows) {
        document["certificates"].push_back(to_json(row));
    }
    for (const TrustProblem& p : report.problems) {
        document["problems"].push_back(to_json(p));
    }
    return document;
}

void print_rows(const TrustReport& report, UnixTime now) {
    UnixTime from = now;
    UnixTime to = now;
    for (const TrustRow& row : report.rows) {
        from = row.not_before != 0 ? std::min(from, row.not_before) : from;
        to = std::max(to, row.not_after);
    }
    for (const TrustRow& row : report.rows) {
        std::printf(
            "%s  %-12s %-7s %6lld days left, to %s  [%s]  %s\n",
            row.sha256.empty() ? std::string(16, '-').c_str() : row.sha256.substr(0, 16).c_str(),
            row.role.c_str(), row.state.c_str(), row.days_left,
            format_time(row.not_after).substr(0, 10).c_str(), bar(row, from, to, now).c_str(),
            escape_for_display(row.subject.empty() ? row.file : row.subject).c_str());
        if (!row.becomes_active.empty()) {
            std::printf("    becomes active: %s\n", row.becomes_active.c_str());
        }
        for (const std::string& what : row.breaks) {
            std::printf("    without it breaks: %s\n", escape_for_display(what).c_str());
        }
    }
}

void print_problems(const TrustReport& report) {
    for (const TrustProblem& p : report.problems) {
        report_problem(kTrustTool, p.text + " (" + p.code + ")", p.hint);
    }
}

void print_done(const TrustOptions& o, const Change& change) {
    for (const std::string& what : change.done) {
        std::printf("%s%s\n", o.dry_run ? "would be: " : "", escape_for_display(what).c_str());
    }
}

int finish(const TrustOptions& o, const TrustInventory& before, const Change& change) {
    if (!o.dry_run) {
        if (Status s = save_inventory(before, change.after); !s) {
            return fail(kTrustTool, s.error(), o.json);
        }
        if (o.force) {
            log_forced(o, change);
        }
    }
    if (o.json) {
        print_json({{"changed", !change.done.empty() && !o.dry_run},
                    {"dry_run", o.dry_run},
                    {"changes", change.done}});
        return 0;
    }
    print_done(o, change);
    if (change.done.empty()) {
        std::puts("nothing to change");
    }
    return 0;
}

int finish(const TrustOptions& o, const TrustInventory& before, const Result<Change>& change) {
    return change ? finish(o, before, *change) : fail(kTrustTool, change.error(), o.json);
}

}  // namespace piv
