# The table of settings in docs/configuration.md as sections of a manual page, in place of @TABLE@.
# awk -f settings_to_roff.awk configuration.md piv-login.conf.5.in
function plain(text) {
    gsub(/\[[^]]*\]\([^)]*\)/, "&\001", text)
    while (match(text, /\[[^]]*\]\([^)]*\)\001/)) {
        link = substr(text, RSTART, RLENGTH)
        sub(/^\[/, "", link)
        sub(/\].*/, "", link)
        text = substr(text, 1, RSTART - 1) link substr(text, RSTART + RLENGTH)
    }
    gsub(/`/, "", text)
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^ +/, "", text)
    sub(/ +$/, "", text)
    return text
}
FNR == NR {
    if (split($0, cell, "|") < 7 || cell[2] !~ /^ `[a-z]+` $/) next
    if (plain(cell[2]) != section) {
        section = plain(cell[2])
        table = table ".SH \"SECTION [" section "]\"\n"
    }
    table = table ".TP\n.B " plain(cell[3]) "\n" plain(cell[6]) "\nValue: " plain(cell[4]) \
        ". Default: " plain(cell[5]) ".\n"
    rows++
    next
}
/^@TABLE@$/ { printf "%s", table; next }
{ print }
END { if (rows < 1) { print "settings_to_roff.awk: no rows in the table" > "/dev/stderr"; exit 1 } }
