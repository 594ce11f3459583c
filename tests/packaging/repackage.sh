# Shell library of the packaging tests: the next release of a set of packages, without building it again.
# After enter_sandbox.
# shellcheck shell=bash disable=SC2153,SC2154

# repackage RELEASE OUT PACKAGE...: packs what PACKAGEs contain by the same spec (the same scriptlets) as
# another release. Programs and modules differ from the ones given in a note section, and the packaged
# piv-login.conf in a comment, so that what is on the disk tells which release it is of.
repackage() {
    local release=$1 out=$2 top=$TMPDIR/rpmbuild-$1 package file version
    shift 2
    version=$(rpm -qp --qf '%{VERSION}' "$1")
    mkdir -p "$top/buildroot" "$top/SOURCES" "$top/SPECS" "$top/BUILD/piv-login-$version" "$out"
    for package in "$@"; do
        rpm2archive - <"$package" | tar -xzf - -C "$top/buildroot" || return 1
    done
    printf 'release %s' "$release" >"$top/note"
    while IFS= read -r file; do
        objcopy --add-section ".note.piv-release=$top/note" "$file" || return 1
    done < <(find "$top/buildroot" -type f \( -name '*.so' -o -name '*.so.2' -o -path '*/bin/*' -o -path '*/sbin/*' \
        -o -name piv-login-helper \) -exec sh -c 'for f; do head -c 4 "$f" | grep -q ELF && echo "$f"; done' sh {} +)
    echo "# Release $release" >>"$top/buildroot/etc/piv-login/piv-login.conf"
    tar -czf "$top/SOURCES/piv-login-$version.tar.gz" -T /dev/null
    cp "$SOURCE/packaging/rpm/piv-login.spec" "$top/SPECS/"
    local options=(--without check)
    [[ " $* " == *selinux* ]] || options+=(--without selinux)
    # Folders that Debian's rpmbuild would not choose are those of the packages given.
    local modules
    modules=$(rpm -qlp "$@" | sed -n 's,/pam_piv\.so$,,p')
    rpmbuild -bb --short-circuit --nodeps "${options[@]}" --buildroot "$top/buildroot" \
        --define "_topdir $top" --define "piv_version $version" --define "piv_release $release" \
        --define "_pam_moduledir $modules" --define "piv_nssdir $(dirname "$modules")" \
        --define '__os_install_post %{nil}' "$top/SPECS/piv-login.spec" >"$top/rpmbuild.log" 2>&1 ||
        { tail -n 20 "$top/rpmbuild.log" >&2; return 1; }
    find "$top/RPMS" -name '*.rpm' -exec mv -t "$out" {} +
}
