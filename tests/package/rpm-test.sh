#!/bin/sh
# rpm-test.sh PACKAGE.rpm BUILD: what is in the package is what `make install` of the folder BUILD
# installs; its scriptlets; unpacked into an empty tree, its programs run. Needs rpm and no root.
# Ends with "N passed, N failed".
set -u
. "${0%/*}/lib.sh"

package=$1 build=$2
work=$(mktemp -d)
root=$work/root
log=$work/log
trap 'rm -rf "$work"' EXIT

# Links by build id, README and licence are rpm's doing; pages may be compressed.
same_files() {
    make -s -C "$build" install DESTDIR="$work/installed" prefix=/usr || return
    (cd "$work/installed" && find . ! -type d | sed 's/^\.//') | LC_ALL=C sort >"$work/expected"
    rpm -qlp "$package" | grep -vE '/\.build-id|/README\.md$|/COPYING$' | sed 's/\.gz$//' |
        LC_ALL=C sort >"$work/packed"
    # folders that the package owns
    while read -r file; do
        [ -d "$root$file" ] || echo "$file"
    done <"$work/packed" | diff "$work/expected" -
}

query() {
    rpm -qp --queryformat "$1" "$package"
}

# scriptlet TAG "WORDS OF THE HELPER": these and no others, in this order
scriptlet() {
    query "%{$1}\n" >"$work/script"
    sh -n "$work/script" || return
    sed -n 's,.*/systemd-update-helper \(.*\) || :$,\1,p' "$work/script" >"$work/calls"
    printf '%s\n' "$2" | diff - "$work/calls"
}

units_exist() {
    units=$(rpm -qp --scripts "$package" | grep -oE 'llmgw\.[a-z]+' | sort -u)
    [ -n "$units" ] || return
    for unit in $units; do
        [ -f "$root/usr/lib/systemd/system/$unit" ] && [ -f "$root/usr/lib/systemd/user/$unit" ] ||
            return
    done
}

runs() {
    env -i PATH="$root/usr/bin:/usr/bin:/bin" HOME="$work/home" LC_ALL=C.UTF-8 \
        LLMGW_CATALOG="$root/usr/share/llmgw/catalog.tsv" sh -c "$1"
}

mkdir "$root" "$work/home"
ok 'it unpacks into an empty tree' sh -c "rpm2archive - <'$package' | tar -C '$root' -xzf -"
ok 'it holds what make install installs' same_files
ok 'and README and licence' sh -c "ls '$root'/usr/share/doc/*/README.md '$root'/usr/share/licenses/*/COPYING"
ok 'its version is that of the program' sh -c "
    [ \"\$('$root/usr/bin/llmgw' --version | head -n 1)\" = 'llmgw $(query '%{VERSION}')' ]"
ok 'all is of root, and nobody else writes' sh -c "
    rpm -qp --queryformat '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]' \
        '$package' | { ! grep -vE '^(l.........|.....-..-.) root root '; }"
ok 'it asks for certificates' sh -c "rpm -qRp '$package' | grep -qx ca-certificates"
ok 'after it is installed' scriptlet POSTIN 'install-system-units llmgw.socket
install-user-units llmgw.socket'
ok 'before it is removed' scriptlet PREUN 'remove-system-units llmgw.socket llmgw.service
remove-user-units llmgw.socket llmgw.service'
ok 'after a newer one is there' scriptlet POSTUN 'mark-restart-system-units llmgw.service'
ok 'the units that scriptlets name are packed' units_exist
ok 'units start a program that is packed' sh -c "
    for unit in '$root'/usr/lib/systemd/*/llmgw.service; do
        program=\$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' \"\$unit\")
        [ -x '$root'\"\$program\" ] || exit 1
    done"
ok 'its programs run' runs 'llmgw version && llmgwd --version && llmgw-sim --version'
ok 'the catalog is read' runs 'llmgw prices show claude-haiku-4-5 | grep -q "\$"'
ok 'reports need no broker' runs 'llmgw cost'

tell
