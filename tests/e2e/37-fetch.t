#!/bin/sh
# Images and PDFs by URL for providers that fetch none: only from listed hosts, without credentials,
# and not behind the firewall.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

SIM_KEY=k
export SIM_KEY
start_sim sim
config <<END
[broker]
    fetch-host = 127.0.0.1:$sim_port
    fetch-host = localhost:$sim_port
    fetch-host = *.invalid
[provider "ge"]
    kind = gemini
    base-url = http://127.0.0.1:$sim_port/v1beta
    key-env = SIM_KEY
[provider "br"]
    kind = bedrock
    base-url = http://127.0.0.1:$sim_port
    key-env = SIM_KEY
[provider "an"]
    kind = anthropic
    base-url = http://127.0.0.1:$sim_port/v1
    key-env = SIM_KEY
[route "falls"]
    target = ge/gemini-3.8-flash
    target = an/claude-sonnet-5
END
start_broker

see() { # TARGET URL [OPTION…]
    target=$1 url=$2
    shift 2
    "$tool" ask -u "$sock" -d openai -t 20s "$@" -m "$target" \
        -b "{\"model\":\"$target\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is it?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"$url\"}}]}]}" \
        x >"$tmp/answer" 2>&1
}
got() { sed -n "s/^$1=//p" "$tmp/answer"; }
here=http://127.0.0.1:$sim_port/sim

see ge/gemini-3.8-flash "$here/image.png"
is "$(got outcome) $(got status)" 'ok 200' 'an image is fetched for Gemini'
part=body.contents.0.parts.1.inlineData
is "$(last_request sim $part.mimeType)" image/png '… and sent as what its first bytes say'
like "$(last_request sim $part.data)" '^iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB' '… whole'
see br/us.anthropic.claude-sonnet-4-6 "$here/image.png"
is "$(got outcome) $(last_request sim body.messages.0.content.1.image.format)" 'ok png' '… and for Bedrock'

post /v1/messages "{\"model\":\"ge/gemini-3.8-flash\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"$here/file.pdf\"}}]}]}" >"$tmp/body"
is "$("$tool" json type <"$tmp/body") $(last_request sim body.contents.0.parts.0.inlineData.mimeType)" \
    'message application/pdf' 'so is a document for a client of Messages'

n=$(requests sim)
see ge/gemini-3.8-flash "$here/away"
is "$(got status)" 400 'a redirect is not followed'
like "$(got message)" '^image_url: nothing could be fetched from 127\.0\.0\.1: the answer was 302' '… and told'
see ge/gemini-3.8-flash "https://localhost:$sim_port/sim/image.png"
like "$(got message)" 'from localhost: its address is of a private network' 'a name does not lead behind the firewall'
see ge/gemini-3.8-flash https://img.invalid/a.png
like "$(got message)" 'nothing could be fetched from img\.invalid: ' 'a host that does not exist is told'
see ge/gemini-3.8-flash "http://127.0.0.1:1/image.png"
like "$(got message)" 'broker\.fetch-host lists hosts' 'what is not listed is not asked, by whatever port'
is "$(requests sim)" "$n" 'nobody was asked about those'
see falls "$here/away"
is "$(got outcome) $(last_request sim target)" 'ok /v1/messages' 'who fetches itself is asked then'
is "$(last_request sim body.messages.0.content.1.source.url)" "$here/away" '… with the URL'

stop_broker
is "$rc" 0 'the broker ends well'
done_testing
