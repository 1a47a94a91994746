#!/bin/sh
# deb.sh TARBALL OUT: a Debian package of a release (make dist) in the folder OUT. `make deb`
# calls it. Needs debhelper and what the build needs.
set -eu

tarball=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v dh >/dev/null || {
    echo "deb.sh: debhelper is missing: apt-get install debhelper" >&2
    exit 1
}
tar -C "$work" -xf "$tarball"
tree=$(echo "$work"/llmgw-*)
version=${tree##*/llmgw-}
cp -R "$here/debian" "$tree/debian"
chmod -R u+w "$tree/debian"
# the changelog of a release is its version and date; what changed is in git
cat >"$tree/debian/changelog" <<END
llmgw ($version) unstable; urgency=medium

  * Release $version.

 -- llmgw developers <llmgw@llmgw.invalid>  $(date -R -r "$tree/configure")
END
(cd "$tree" && dpkg-buildpackage -b -us -uc >"$work/log" 2>&1) || {
    tail -n 40 "$work/log" >&2
    exit 1
}
mkdir -p "$out"
cp "$work"/*.deb "$out"
ls "$out"/llmgw*.deb
