#!/bin/bash
# rpmlint over the spec, the source RPM and the RPMs: not a word but what packaging/rpm/rpmlint.toml
# filters, each filter with its reason. usage: rpmlint.sh SOURCE BUILD_DIR, after rpm.sh, which builds the packages
set -u
config=$1/packaging/rpm/rpmlint.toml
command -v rpmlint >/dev/null || { echo "skipped: rpmlint is not installed (scripts/install-deps package)"; exit 77; }
rpmlint --version | grep -q '^[2-9]' || { echo "skipped: rpmlint $(rpmlint --version): the configuration is for 2 and newer"; exit 77; }
mapfile -t packages < <(find "$2/rpm" -name '*.rpm')
[ ${#packages[@]} -ge 4 ] || { echo "skipped: no packages in $2/rpm: packaging_rpm builds them"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
# findings FILE...: what rpmlint says of them
findings() {
    HOME=$work rpmlint -c "$config" "$@" >"$work/report" 2>&1
    grep -q '^ [0-9]* packages and [0-9]* specfiles checked' "$work/report" || { echo "FAILED: rpmlint did not finish"; cat "$work/report"; exit 1; }
    grep -E ': [EWI]: ' "$work/report"
}
found=$(findings "$1/packaging/rpm/piv-login.spec" "${packages[@]}")
[ -z "$found" ] || { echo "FAILED: findings:"; printf '%s\n' "$found"; failed=1; }
contents=$(rpm -qlp "${packages[@]}" 2>/dev/null)
while IFS= read -r program; do
    grep -qE "/man[18]/$program\.[18]\.gz$" <<<"$contents" || { echo "FAILED: no manual page of $program"; failed=1; }
done < <(sed -nE 's,^/usr/s?bin/,,p' <<<"$contents")
# A spec with faults is found out: the filters do not silence everything.
sed 's/^BuildRequires:  make$/BuildPrereq:    make/' "$1/packaging/rpm/piv-login.spec" >"$work/piv-login.spec"
[ -n "$(findings "$work/piv-login.spec")" ] || { echo "FAILED: nothing is found in a bad spec"; failed=1; }
[ $failed = 0 ] && echo "ok: rpmlint: ${#packages[@]} packages and the spec"
exit $failed
