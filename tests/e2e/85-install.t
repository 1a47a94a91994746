#!/bin/sh
# make install DESTDIR=: all in its place and nowhere else; systemd accepts the units; uninstall
# leaves nothing; the examples run.
. "$top_srcdir/tests/e2e/lib.sh"

root=$tmp/root
srcdir=$(cd "$top_srcdir" && pwd)
PATH=$(cd "$top_builddir" && pwd):$PATH
LLMGW_CATALOG=$srcdir/core/catalog.tsv

# as another user would call it: not as a part of this make
quiet_make() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$top_builddir" "$@" >"$tmp/make.log" 2>&1
}

# ---- install ----
if quiet_make install DESTDIR="$root"; then
    pass 'make install DESTDIR='
else
    fail "make install: $(tail -n 3 "$tmp/make.log")"
fi
prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
at=$root$prefix
is "$(cd "$root" && find . ! -type d | grep -v "^\.$prefix/")" '' 'nothing outside the prefix'
missing=
for file in bin/llmgw bin/llmgwd bin/llmgw-sim share/llmgw/catalog.tsv \
    share/man/man1/llmgw.1 share/man/man8/llmgwd.8 share/man/man5/llmgw-config.5 \
    share/bash-completion/completions/llmgw share/zsh/site-functions/_llmgw \
    share/fish/vendor_completions.d/llmgw.fish \
    share/doc/llmgw/examples/crontab share/doc/llmgw/examples/functions.sh \
    lib/systemd/user/llmgw.service lib/systemd/user/llmgw.socket \
    lib/systemd/system/llmgw.service lib/systemd/system/llmgw.socket; do
    [ -f "$at/$file" ] || missing="$missing $file"
done
is "$missing" '' 'programs, catalog, pages, units and examples are there'
is "$("$at/bin/llmgw" version 2>&1 | head -n 1)" "$(llmgw version | head -n 1)" \
    'the installed program runs'
for program in "$at"/bin/*; do
    name=${program##*/}
    ls "$at"/share/man/man[1-8]/"$name".[1-8] >/dev/null 2>&1 || missing="$missing $name"
done
is "$missing" '' 'each program has its page'
is "$(find "$at" -type f -perm /022 | head -n 3)" '' 'no file that others may write'

# ---- the spec of the rpm: each pattern of %files matches, each installed file is matched ----
spec=$srcdir/tests/package/llmgw.spec
if command -v rpmspec >/dev/null; then
    set --
    [ -n "$(rpm --eval '%{?_unitdir}')" ] || set -- --load "$srcdir/tests/package/systemd.macros"
    rpmspec -P "$@" "$spec" >"$tmp/spec" 2>"$tmp/spec.errors" || echo failed >>"$tmp/spec.errors"
    is "$(cat "$tmp/spec.errors")" '' 'rpmspec parses the spec'
    is "$(grep -v '^#' "$tmp/spec" | grep -E '%(\{|systemd_)')" '' \
        'no macro of the spec is unknown'
else # the few macros that %files has
    sed 's|%{_unitdir}|/usr/lib/systemd/system|; s|%{_userunitdir}|/usr/lib/systemd/user|
        s|%{_bindir}|/usr/bin|; s|%{_docdir}|/usr/share/doc|; s|%{_mandir}|/usr/share/man|
        s|%{_datadir}|/usr/share|' "$spec" >"$tmp/spec"
fi
is "llmgw $(sed -n 's/^Version: *//p' "$tmp/spec")" "$(llmgw version | head -n 1)" 'its version is ours'
(cd "$at" && find . ! -type d | sed 's|^\.|/usr|') >"$tmp/installed"
sed -n '/^%files/,$p' "$tmp/spec" | grep '^/' | sed 's|[.]|\\.|g; s|\*|.*|g; s|/$|/.*|; s|.*|^&$|' \
    >"$tmp/patterns"
is "$(grep -vf "$tmp/patterns" "$tmp/installed")" '' 'its %files leave out no installed file'
is "$(while read -r pattern; do
    grep -q "$pattern" "$tmp/installed" || echo "$pattern"
done <"$tmp/patterns")" '' '… and name none that is not'
for name in $(sed -n 's/^%\(license\|doc\) //p' "$tmp/spec"); do
    [ -f "$srcdir/$name" ] || missing="$missing $name"
done
is "$missing" '' 'its README and licence are there'

# ---- units ----
for unit in "$at"/lib/systemd/*/llmgw.service; do
    is "$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")" "$prefix/bin/llmgwd" \
        "${unit#"$at/lib/"} starts the installed program"
    sed -i "s|^ExecStart=[^ ]*|ExecStart=$at/bin/llmgwd|" "$unit"
done
if command -v systemd-analyze >/dev/null; then
    for kind in user system; do
        unitdir=$at/lib/systemd/$kind
        # the machine's own units may have faults of their own: only ours are looked at
        is "$(systemd-analyze "--$kind" --man=no verify \
            "$unitdir/llmgw.service" "$unitdir/llmgw.socket" 2>&1 | grep llmgw)" '' \
            "systemd takes the $kind units"
    done
    sed 's/^SocketMode=.*/SocketMode=mode/' "$at/lib/systemd/user/llmgw.socket" >"$tmp/llmgw.socket"
    like "$(systemd-analyze --user --man=no verify "$tmp/llmgw.socket" 2>&1)" 'Failed to parse mode' \
        'and would not take a wrong one'
fi

# ---- the units of a user: systemctl only writes down what it is told ----
mkdir "$tmp/fake"
cat >"$tmp/fake/systemctl" <<'END'
#!/bin/sh
echo "systemctl $*" >>"$HOME/told"
echo 'Created symlink.'
[ "$3" != "${REFUSED:-}" ]
END
chmod +x "$tmp/fake/systemctl"
units=$at/lib/systemd/user
installed() { # how `llmgw broker WORDS` of the installed program ends, and what systemd was told
    rm -f "$HOME/told"
    PATH=$tmp/fake:$PATH "$at/bin/llmgw" broker "$@" >"$tmp/out" 2>"$tmp/errors" </dev/null
    echo "$?"
    cat "$HOME/told" 2>/dev/null
}
is "$(installed install)" "0
systemctl --user --quiet link $units/llmgw.socket $units/llmgw.service
systemctl --user --quiet daemon-reload
systemctl --user --quiet enable --now llmgw.socket" 'broker install: systemd is told of the units'
like "$(cat "$tmp/out")" '^installed' '… and the user that it is'
is "$(cat "$tmp/errors" | tr -d '\n')" 'Created symlink.Created symlink.Created symlink.' \
    '… what systemctl says is no output of ours'
is "$(installed uninstall --user)" '0
systemctl --user --quiet disable --now llmgw.socket llmgw.service
systemctl --user --quiet daemon-reload' 'broker uninstall: it forgets them'
start_sim idle
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$idle_port/v1
    key-env = SIM_KEY
END
"$at/bin/llmgw" broker start >"$tmp/out" 2>&1
PATH=$at/bin "$at/bin/llmgw" broker install >"$tmp/out" 2>&1
is "$(llmgw broker status >/dev/null 2>&1; echo $?)" 0 'a broker that runs goes on where there is no systemd'
like "$(installed install)" '^0' 'a broker that runs'
is "$(llmgw broker status >/dev/null 2>&1; echo $?)" 10 '… gives its socket to systemd'
REFUSED=enable
export REFUSED
is "$(installed install | tail -n 1)" 'systemctl --user --quiet enable --now llmgw.socket' \
    'systemd does not enable it'
unset REFUSED
like "$(cat "$tmp/errors")" 'systemctl --user enable ended with status 1' '… which is told'
is "$(installed install --nonsense | head -n 1)" 2 'an option it has not is refused'
PATH=$at/bin "$at/bin/llmgw" broker install >"$tmp/out" 2>"$tmp/errors"
is "$? $(cat "$tmp/errors" | head -n 1)" '4 llmgw: broker: there is no systemctl' 'no systemd'
mkdir "$tmp/alone"
cp "$at/bin/llmgw" "$at/bin/llmgwd" "$tmp/alone"
if [ ! -e "$prefix/lib/systemd/user/llmgw.service" ]; then
    PATH=$tmp/fake:$PATH "$tmp/alone/llmgw" broker install >"$tmp/out" 2>"$tmp/errors"
    is "$?" 4 'a program without units'
    like "$(cat "$tmp/errors")" 'no llmgw.service in .*/lib/systemd/user' '… tells where it has looked'
fi

# ---- uninstall ----
quiet_make uninstall DESTDIR="$root"
is "$(find "$root" ! -type d)" '' 'make uninstall leaves no file'

# ---- examples ----
start_sim one
config <<END
[core]
    default-model = one/sim
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = SIM_KEY
[price "one/*"]
    input = 1
    output = 2
[budget "daily"]
    limit = 5/day
END
SIM_KEY=none start_broker
. "$srcdir/man/examples/functions.sh"
git init -q "$tmp/repo" && echo one >"$tmp/repo/file" && git -C "$tmp/repo" add file
like "$(cd "$tmp/repo" && commit_message 2>&1)" . 'commit_message answers'
like "$(cat "$one_journal")" 'new file mode' '… from the staged diff'
why sh -c 'echo "no such thing: quux" >&2; exit 3' >"$tmp/out" 2>"$tmp/errors"
is "$? $(cat "$tmp/errors")" '3 no such thing: quux' 'why keeps status and errors'
like "$(tail -n 2 "$one_journal")" 'quux' '… and sends what the command said'
is "$(printf 'a\nb\nc\n' | each 'Say' | grep -c .)" 3 'each asks once a line'
grep -v '^#' "$srcdir/man/examples/crontab" | grep . >"$tmp/crontab"
while read -r _ _ _ _ _ command; do
    env -i PATH="$PATH" HOME="$HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" \
        XDG_DATA_HOME="$XDG_DATA_HOME" LLMGW_CATALOG="$LLMGW_CATALOG" \
        sh -c "$command" >"$tmp/out" 2>&1 </dev/null
    is "$? $(cat "$tmp/out")" '0 ' "cron: $command"
done <"$tmp/crontab"

done_testing
