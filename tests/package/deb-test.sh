#!/bin/sh
# deb-test.sh PACKAGE.deb: installs it into a new, minimal Debian tree, uses it there, removes it
# and looks for traces. Ends with "N passed, N failed". Needs root, mmdebstrap and Debian's mirror.
set -u
. "${0%/*}/lib.sh"

package=$1
root=$(mktemp -d)
log=$root.log
trap 'rm -rf "$root" "$log" "$root.before" "$root.after"' EXIT

inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# dpkg's own records change; logs and caches are not the package's
files() {
    (cd "$root" && find . -path ./proc -prune -o -path ./var/log -prune -o -path ./var/cache -prune \
        -o -path ./var/lib/dpkg -prune -o -path ./var/lib/apt -prune -o -path ./tmp -prune \
        -o ! -type d -print -o -type d -print | LC_ALL=C sort)
}

deps=$(dpkg-deb -f "$package" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/,/ /g')
mmdebstrap --quiet --variant=minbase --include="$(echo $deps | tr ' ' ',')" bookworm "$root" ||
    exit 1
cp "$package" "$root/tmp/llmgw.deb"
files >"$root.before"

ok 'it installs without the network' inside dpkg -i /tmp/llmgw.deb
ok 'its programs run' inside sh -c 'llmgw version && llmgwd --version && llmgw-sim --version'
ok 'the catalog is found' inside sh -c 'llmgw prices show claude-haiku-4-5 | grep -q "\$"'
ok 'reports need no broker' inside llmgw cost
ok 'a key-less chat says what it needs' inside sh -c 'llmgw chat hi </dev/null; [ $? = 8 ]'
ok 'that broker stops' inside llmgw broker stop
ok 'a request goes through a provider' inside sh -c '
    llmgw-sim --listen 127.0.0.1:0 >/tmp/ready & sim=$!
    until [ -s /tmp/ready ]; do sleep 0.1; done
    read -r word port </tmp/ready
    mkdir -p -m 700 /root/.config/llmgw
    printf "[provider \"one\"]\nkind=openai\nbase-url=http://127.0.0.1:%s/v1\nkey-env=K\n" \
        "$port" >/root/.config/llmgw/config
    K=k llmgw chat -m one/sim hi </dev/null; status=$?
    llmgw broker stop
    kill $sim
    exit $status'
ok 'users get the socket, not a broker that always runs' inside sh -c '
    [ -L /etc/systemd/user/sockets.target.wants/llmgw.socket ] &&
    [ ! -e /etc/systemd/system/sockets.target.wants/llmgw.socket ]'
rm -rf "$root/root/.config" "$root/root/.local"
ok 'it is purged' inside dpkg -P llmgw
files >"$root.after"
ok 'without a trace' diff "$root.before" "$root.after"

tell
