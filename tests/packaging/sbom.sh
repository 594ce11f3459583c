#!/bin/bash
# The bill of materials: what CycloneDX 1.4 requires of one, and that it says what the packages contain.
# usage: sbom.sh BUILD_DIR, after rpm.sh, which builds the packages
set -u
for need in jq rpm; do
    command -v "$need" >/dev/null || { echo "skipped: $need is not installed (scripts/install-deps)"; exit 77; }
done
bom=$(find "$1/rpm" -name '*.cdx.json' 2>/dev/null)
[ -n "$bom" ] || { echo "skipped: no bill of materials in $1/rpm: packaging_rpm makes it"; exit 77; }
mapfile -t packages < <(find "$1/rpm" -name '*.rpm' -not -name '*.src.rpm')
failed=0
equal() { # WHAT WANT GOT
    if [ "$2" = "$3" ]; then printf 'ok: %s\n' "$1"; else
        printf 'FAILED: %s\n' "$1"; diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"); failed=1; fi
}
of() { jq -r "def parts: [.metadata.component] + .components; $1" "$bom"; }
query() { rpm -qp --qf "$@" 2>/dev/null; }

equal "format" "CycloneDX 1.4 1" "$(of '"\(.bomFormat) \(.specVersion) \(.version)"')"
# The patterns are those of the schema.
equal "serial number" true "$(of '.serialNumber | test("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")')"
equal "time: that of the packages" "$(date -u -d "@$(query '%{BUILDTIME}' "${packages[0]}")" +%FT%TZ)" \
    "$(of .metadata.timestamp)"
equal "each component has a type of the standard, a name and a reference" "" "$(of "parts[] |
    select((.type | IN(\"application\", \"library\") | not) or (.name // \"\") == \"\" or (.[\"bom-ref\"] // \"\") == \"\") | .name")"
equal "no reference twice" "" "$(of "parts | group_by(.[\"bom-ref\"])[] | select(length > 1) | .[0].name")"
equal "dependencies name components of this bill" "" "$(of "(parts | map(.[\"bom-ref\"])) as \$known |
    .dependencies[] | .ref, .dependsOn[] | select(. as \$ref | \$known | index(\$ref) | not)")"
equal "each package, with its digest and licence" \
    "$(for package in "${packages[@]}"; do query "%{NAME} %{VERSION}-%{RELEASE} $(sha256sum <"$package" | cut -d' ' -f1) %{LICENSE}\n" "$package"; done | sort)" \
    "$(of "parts[] | select(.type == \"application\") |
        \"\(.name) \(.version) \(.hashes[] | select(.alg == \"SHA-256\").content) \(.licenses[0] | .expression // .license.id)\"" | sort)"
# Against the headers that were compiled in, not against what the package says of itself.
version() { grep -rhoE "define $2(MAJOR|MINOR|PATCH) +[0-9]+" "$1" | sort -u | grep -oE '[0-9]+$' | paste -sd.; }
headers() { sed -n "s,^$1:PATH=,,p" "$BUILD/CMakeCache.txt"; }
BUILD=$1
equal "header-only libraries, with version and licence" \
    "$(printf '%s\n' "CLI11 $(version "$(headers PIV_CLI11_INCLUDE)/CLI" CLI11_VERSION_) BSD-3-Clause" \
        "nlohmann-json $(version "$(headers PIV_JSON_INCLUDE)/nlohmann" NLOHMANN_JSON_VERSION_) MIT")" \
    "$(of '.components[] | select(.type == "library" and .purl) | "\(.name) \(.version) \(.licenses[0].license.id)"' | sort)"
equal "the packages that they are in" "piv-login piv-login-image" \
    "$(of '.dependencies[] | select(.dependsOn | any(startswith("pkg:github/nlohmann/json@"))).ref' | sed -E 's,^pkg:rpm/(.*)@.*,\1,' | sort | xargs)"
for package in piv-login piv-login-image; do
    equal "$package brings their licences" 2 "$(rpm -qLp "${packages[@]}" 2>/dev/null | grep -cE "/$package/LICENSE\.(CLI|nlohmann)$")"
done
equal "shared libraries of piv-login are named" "" \
    "$(for package in "${packages[@]}"; do
        rpm -qRp "$package" 2>/dev/null | sed -nE 's/^(lib[^(]*\.so[^(]*)\(.*/\1/p' | sort -u
    done | sort -u | comm -23 - <(of '.components[] | select(.["bom-ref"] | startswith("soname:")).name' | sort))"
[ $failed = 0 ] && echo "ok: bill of materials"
exit $failed
