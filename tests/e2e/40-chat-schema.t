#!/bin/sh
# llmgw chat --schema: an answer in JSON that fits, asked for again when it does not.
. "$top_srcdir/tests/e2e/lib.sh"
need curl sqlite3

start_sim one
scenario one <<'END'
on model="mend" has="does not fit": text="{\"name\":\"Ann\",\"age\":7}"
on model="twice" has="does not fit": text="{\"name\":1}"
on model="mend": text="{\"name\":\"Ann\",\"age\":\"seven\"}"
on model="short": text="{\"name\":" finish=length
on model="twice": text="not JSON"
on has="fenced": text="Here it is:\n```json\n{ \"name\": \"Bob\",\n  \"age\": 1.0 }\n```\n"
on model="stubborn" has="json_schema": 400 message="response_format json_schema is not supported"
on model="stubborn": text="{\"name\":\"Cy\",\"age\":3}"
on model="plain": text="{\"name\":\"Di\",\"age\":4}"
END
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[provider "two"]
    kind = anthropic
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[price "one/*"]
    input = 1
    output = 2
[price "two/*"]
    input = 1
    output = 2
[model "one/plain"]
    cannot = json-schema
[route "default"]
    target = one/sim
END
ONE_KEY=secret-of-one
TERM=xterm
export ONE_KEY TERM

# chat ARG…: sets $out, $err, $rc
chat() {
    rc=0
    llmgw chat "$@" >"$tmp/chat.out" 2>"$tmp/chat.err" </dev/null || rc=$?
    out=$(cat "$tmp/chat.out")
    err=$(cat "$tmp/chat.err")
}

# sent PATH: of the last request that the provider got
sent() {
    last_request one "body.$1"
}

people='name, age int'

# ---- as providers take it ----
chat --schema "$people" 'who?'
is "$rc $err" '0 ' 'a line of fields is a schema'
isnt "$(printf '%s' "$out" | "$tool" json name)" '' '… and the answer is an object of them'
is "$(sent response_format.type)/$(sent response_format.json_schema.strict)/$(sent response_format.json_schema.schema.required.1)" \
    'json_schema/true/age' '… which the provider was asked for'
before=$(requests one)
chat --schema "$people" -F json 'who?'
isnt "$("$tool" json age <"$tmp/chat.out")" '' '-F json: the object itself'
is "$(requests one)" "$((before + 1))" '… from one request'
chat --schema '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}' 'how many?'
isnt "$(printf '%s' "$out" | "$tool" json n)" '' 'JSON is a schema'
is "$(sent response_format.json_schema.strict 2>/dev/null)" '' '… strict only where it can be'
printf '{"type":"object","properties":{"deep":{"type":"boolean"}},"required":["deep"]}' >"$tmp/s.json"
chat --schema "$tmp/s.json" hi
isnt "$(printf '%s' "$out" | "$tool" json deep)" '' 'and so is a file'
chat --schema "$people" -m two/claude-sonnet-5 'who?'
isnt "$(printf '%s' "$out" | "$tool" json name)" '' 'another dialect has its own way'
chat --schema "$people" -F jsonl 'who?'
is "$(sed 's/.*"type":"\([a-z]*\)".*/\1/' "$tmp/chat.out" | tr '\n' ' ')" 'start text end ' \
    'JSON lines have it in one piece'

# ---- what does not fit ----
chat --schema "$people" --usage-file "$tmp/usage" --tee "$tmp/tee" -m one/mend 'who?'
is "$rc $out" '0 {"name":"Ann","age":7}' 'an answer that does not fit is asked for again'
is "$(sent messages.1.content)" '{"name":"Ann","age":"seven"}' '… with what it was'
like "$(sent messages.2.content)" '/age: type' '… and why'
is "$("$tool" json rounds <"$tmp/usage")" 2 'the usage says so'
is "$("$tool" json cost_pusd <"$tmp/usage")" \
    "$(sql_wait "SELECT sum(cost_pico) FROM (SELECT * FROM request ORDER BY id DESC LIMIT 2)" \
        "$("$tool" json cost_pusd <"$tmp/usage")")" '… and what both have cost'
is "$(cat "$tmp/tee")" '{"name":"Ann","age":7}' '--tee gets what fits only'
# a keyword that the target does not know is checked by the broker, which lets nothing else pass
aged='{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":1}},"required":["name","age"],"additionalProperties":false}'
before=$(requests one)
chat --schema "$aged" --usage-file "$tmp/usage" -m two/mend 'who?'
is "$rc $out" '0 {"name":"Ann","age":7}' 'an answer that the broker refuses is asked for again, too'
is "$(requests one)" "$((before + 3))" '… when the broker has given up'
is "$(sent messages.1.content.0.text)" \
    '{"name":"Ann","age":"seven"}' '… with what it was'
is "$("$tool" json cost_pusd <"$tmp/usage")" \
    "$(sql_wait "SELECT sum(cost_pico) FROM (SELECT * FROM request ORDER BY id DESC LIMIT 2)" \
        "$("$tool" json cost_pusd <"$tmp/usage")")" '… and what both have cost'
chat --schema "$aged" -m two/twice 'who?'
is "$rc $out" '11 ' '… once'
like "$err" 'does not fit the schema: ' '… with the reason, then'
before=$(requests one)
chat --schema "$people" -m one/twice 'who?'
is "$rc $out" '11 ' 'twice wrong: nothing is shown, and the status is 11'
like "$err" 'does not fit the schema: ' '… with the reason'
is "$(requests one)" "$((before + 2))" '… after two requests'
chat --schema "$people" -j -m one/twice 'who?'
is "$rc $out/$(printf '%s' "$err" | "$tool" json error.class)" '11 /unusable_answer' '… in JSON, too'
chat --schema "$people" -F jsonl -m one/twice 'who?'
is "$(tail -n 1 "$tmp/chat.out" | "$tool" json class)" unusable_answer '… and in JSON lines'
chat --schema "$people" -F jsonl -m one/mend 'who?'
is "$(sed 's/.*"type":"\([a-z]*\)".*/\1/' "$tmp/chat.out" | tr '\n' ' ')" 'start reset start text end ' \
    '… which tell of each round'
chat --schema "$people" fenced
is "$rc $out" '0 {"name":"Bob","age":1.0}' 'a fence and words around it are passed over'
before=$(requests one)
chat --schema "$people" -m one/short 'who?'
is "$rc $(requests one)" "11 $((before + 1))" 'an answer that its cap has cut is not asked for again'
chat --schema "$people" --max-cost 0.00005 -m one/mend 'who?'
is "$rc" 5 '--max-cost holds for all rounds together'
like "$err" 'cap is \$0\.00004' '… what the first has cost is spent'

# ---- who takes no schema ----
chat --schema "$people" -m one/plain 'who?'
is "$rc $out" '0 {"name":"Di","age":4}' 'a target that cannot is told in words'
like "$(sent messages.0.content)" 'fits this JSON Schema' '… which hold the schema'
is "$(sent response_format 2>/dev/null)" '' '… and nothing else'
before=$(requests one)
chat --schema "$people" -m one/plain --dry-run 'who?'
is "$rc $(printf '%s\n' "$out" | grep -c '^would send: yes$')" '0 1' '… as a dry run tells'
chat --schema "$people" -m one/plain --dry-run -v -j 'who?'
like "$out" 'fits this JSON Schema' '… with the request that would be sent'
is "$(requests one)" "$before" '… and is not'
chat --schema "$people" -m one/stubborn 'who?'
is "$rc $out" '0 {"name":"Cy","age":3}' 'and so is one that turns out not to'
chat --schema '{"type":"array","items":{"type":"integer"}}' -m one/sim:text=echo '[1, 2]'
is "$rc $out" '0 [1,2]' 'what is no object is asked for in words'

# ---- what is no schema ----
chat --schema 'name text' hi
is "$rc" 2 'a field of no type'
like "$err" 'none of str, int, float and bool' '… is told'
chat --schema '{"type":"colour"}' hi
is "$rc" 2 'a schema that is none'
chat --schema no-such.json hi
is "$rc" 4 'a file that is not there'
chat --schema '{"type":"object","multipleOf":3}' -m one/plain hi
like "$err" 'multipleOf is not checked' 'what is not checked is told'
chat --schema "$people" -x hi
is "$rc" 2 'the object or its code, not both'

# ---- templates and conversations ----
chat --save who --schema "$people" 'Who is $input?'
chat -t who -m one/plain Di
is "$out" '{"name":"Di","age":4}' 'a template has a schema'
chat -c -m one/sim:text=echo 'and then?'
is "$(sent messages.2.content)" '{"name":"Di","age":4}' 'a conversation goes on from what fitted'
"$tool" pty llmgw chat --schema "$people" -m one/mend >"$tmp/screen" 2>&1 <<'END'
expect Ctrl-D exits
send who?\r
expect {"name":"Ann","age":7}
expect $0.
send /context\r
expect in 1 turn
send /template who\r
expect say what goes into it
send /model one/plain\r
send Di\r
expect {"name":"Di","age":4}
send \cD
end
END
is $? 0 'at the terminal, too'

llmgw broker stop >/dev/null 2>&1
done_testing
