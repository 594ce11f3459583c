#!/bin/sh
# Every manual page formats without a warning. check_roff.sh FOLDER...
command -v groff >/dev/null || { echo "skipped: groff is not installed"; exit 77; }
status=0
pages=0
for page in "$1"/*.[158] "$2"/*.5; do
    [ -f "$page" ] || continue
    pages=$((pages + 1))
    # A page of one .so line is read where it is installed.
    if head -n 1 "$page" | grep -q '^\.so '; then
        [ -f "$1/$(sed -n 's/^\.so man[0-9]\///p' "$page")" ] || { echo "$page: no such page"; status=1; }
        continue
    fi
    warnings=$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)
    if [ -n "$warnings" ]; then echo "$warnings"; status=1; fi
done
[ "$pages" -ge 9 ] || { echo "only $pages pages"; status=1; }
exit "$status"
