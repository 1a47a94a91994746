#!/bin/sh
# rpm.sh TARBALL OUT: an rpm of a release (make dist) in the folder OUT. `make rpm` calls it. Needs
# rpmbuild and what the build needs. Where packages are not rpms (Debian) the BuildRequires cannot
# be looked up, and the macros of systemd are our own.
set -eu

tarball=$(realpath "$1") out=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v rpmbuild >/dev/null || {
    echo "rpm.sh: rpmbuild is missing: apt-get install rpm, or dnf install rpm-build" >&2
    exit 1
}
set --
[ -n "$(rpm --eval '%{?_unitdir}')" ] || set -- --nodeps --load "$here/systemd.macros"
rpmbuild -bb "$@" --define "_topdir $work" --define "_sourcedir ${tarball%/*}" \
    --define 'debug_package %{nil}' "$here/llmgw.spec" >"$work/log" 2>&1 || {
    tail -n 40 "$work/log" >&2
    exit 1
}
mkdir -p "$out"
cp "$work"/RPMS/*/*.rpm "$out"
ls "$out"/llmgw-*.rpm
