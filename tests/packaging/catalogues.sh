#!/bin/sh
# catalogues.sh SOURCE_DIR: each catalogue has what the code asks for, and its placeholders.
set -u
if ! command -v msgcmp >/dev/null || ! command -v xgettext >/dev/null; then
    echo "skipped: gettext is not installed (scripts/install-deps)"
    exit 77
fi
po=$1/packaging/po
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
"$po/extract" "$1" >"$work/template.pot" || exit 1
[ "$(grep -c '^msgid ' "$work/template.pot")" -gt 40 ] || { echo "FAILED: the template is too short"; exit 1; }
for catalogue in "$po"/*.po; do
    msgcmp "$catalogue" "$work/template.pot" || failed=1
    msgattrib --obsolete "$catalogue" | grep -q '^#~' && { echo "FAILED: $catalogue: obsolete entries"; failed=1; }
    # The number may be said without its digit ("one try"); the name never goes missing.
    python3 - "$catalogue" <<'END' || failed=1
import re, sys
failed = False
for entry in open(sys.argv[1], encoding="utf-8").read().split("\n\n"):
    wanted = set(re.findall(r"%[12]", "".join(re.findall(r'^msgid.* "(.*)"', entry, re.M))))
    for text in re.findall(r'^msgstr.* "(.*)"', entry, re.M):
        if set(re.findall(r"%[12]", text)) != wanted:
            print("FAILED: placeholders differ: " + text)
            failed = True
sys.exit(failed)
END
done
[ $failed = 0 ] && echo "ok: catalogues are complete"
exit $failed
