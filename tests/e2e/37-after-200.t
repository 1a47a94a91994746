#!/bin/sh
# An error behind a status of 200 is a failure like any other as long as its client has seen nothing:
# another target answers, in every dialect of providers and of clients. Later it is told as one.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/crossed.sh"
need curl

SIM_KEY=k
export SIM_KEY
start_sim sim
kinds='oc rs an ge co br'
{
    sim_provider oc /v1 'kind = openai'
    sim_provider rs /v1 'kind = openai-responses'
    sim_provider an /v1 'kind = anthropic'
    sim_provider ge /v1beta 'kind = gemini'
    sim_provider co /v2 'kind = cohere'
    sim_provider br '' 'kind = bedrock'
    sim_provider last /v1 'kind = openai'
    for kind in $kinds; do
        for error in overloaded quota; do
            printf '[route "%s-%s"]\n\ttarget = %s/m-%s-sim:in-band=0,error=%s\n\ttarget = last/answers\n' \
                $kind $error $kind $error $error
        done
    done
} | config
start_broker

for kind in $kinds; do
    for client in openai anthropic responses; do
        # shellcheck disable=SC2086
        ask -d $client -s -m $kind-overloaded 'When?'
        is "$(got outcome) $(got h.x-llmgw-target) $(got problems)" 'ok last/answers ' "$kind, $client client: another answers"
    done
    ask -d openai -s -m $kind/n-sim:in-band=2,error=overloaded 'When?'
    is "$(got outcome) $(got class) $(got n_finish)" 'error overloaded 0' '… once something was seen it is told, and is no end'
done
for kind in $kinds; do
    ask -d openai -s -m $kind-quota 'When?'
    is "$(got outcome) $(got h.x-llmgw-target) $(got h.x-llmgw-attempts)" 'ok last/answers 2' "$kind: a quota that is told after 200 is no answer"
done
done_testing
