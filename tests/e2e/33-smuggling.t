#!/bin/sh
# What is no request, and what two parsers could read in two ways: every row of vectors.tsv over
# both doors. Each gets its answers and no more, the connection ends where framing is in doubt, and
# nothing of it reaches the provider.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
ONE_KEY=sk-one
export ONE_KEY
key=vector-key
config <<END
[provider "one"]
	kind = openai
	base-url = http://127.0.0.1:$one_port/v1
	key-env = ONE_KEY
[broker]
	listen = 127.0.0.1:0
[client "ci"]
	key-hash = sha256:$(printf '%s' "$key" | sha256sum | cut -d ' ' -f 1)
END
start_broker
tcp_port=$(sed -n 's/.*listen host=127.0.0.1 port=\([0-9]*\) .*/\1/p' "$broker_log" | tail -n 1)
fact() { sed -n "s/^$1=//p" "$tmp/raw" | sed 's/ *$//'; }

tab=$(printf '\t')
over() { # DOOR OPTION…
    door=$1 reached=0
    shift
    : >"$one_journal"
    n_served=0 # some smuggle nothing: what stands behind them is a request of its own
    while IFS=$tab read -r name want end n bytes; do
        "$tool" raw "$@" "$bytes" >"$tmp/raw" 2>&1 </dev/null
        is "$(fact answers) $(fact end) $(($(requests one) - reached))" "$want $end $n" "$door: $name"
        reached=$(requests one)
        case $want in
        *' '*) ;;
        4* | 5*) like "$(fact body)" \
            '"error":\{("type":"[a-z_]+",)?"message":"[^"]{8,}"' \
            '… and says what is wrong' ;;
        esac
        [ "$name" = 'Transfer_Encoding is no coding' ] && n_served=1
    done <"$tmp/vectors"
    is "$(requests one smuggled)" "$n_served" "$door: only what was asked for was served"
}
# one thread reads them, and for its sanitizer one is like another
n=1
is_sanitized thread && n=4
grep -v -e '^#' -e '^$' "$top_srcdir/tests/e2e/vectors.tsv" | slice "$n" >"$tmp/vectors"
over Unix -u "$sock"
over TCP -p "$tcp_port" -k "$key"
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
