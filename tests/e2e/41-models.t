#!/bin/sh
# GET /v1/models in both shapes, also with a provider that no catalog knows.
. "$top_srcdir/tests/e2e/lib.sh"
need curl

ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "own"]
    kind = openai-compatible
    base-url = http://127.0.0.1:1/v1
    key-env = ONE_KEY
[provider "openai"]
    kind = openai
    key-env = ONE_KEY
[route "both"]
    target = own/model-a
    target = openai/gpt-6-luna
END
start_broker
out=$(http /v1/models)
is "$(printf '%s' "$out" | "$tool" json object)" list 'a list in the shape of OpenAI'
like "$out" '"id":"both"' '… with routes'
like "$out" '"id":"own/model-a"' '… with targets the catalog does not know'
like "$out" '"id":"openai/gpt-6.1-terra"' '… with what the catalog has where there is a key'
out=$(http -H 'anthropic-version: 2023-06-01' /v1/models)
is "$(printf '%s' "$out" | "$tool" json data.0.type)" model 'the shape of Anthropic by its header'
is "$(http /v1/models/own/model-a | "$tool" json id)" own/model-a 'one model by its id'
is "$(http -o /dev/null -w '%{http_code}' /v1/models/nobody)" 404 'an unknown one is not found'
stop_broker
is "$rc" 0 'the broker ends well'
done_testing
