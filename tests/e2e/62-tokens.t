#!/bin/sh
# llmgw tokens: an estimate of texts, and texts cut by it, between two characters.
. "$top_srcdir/tests/e2e/lib.sh"

start_sim one
ONE_KEY=sk-one
export ONE_KEY
config <<END
[provider "one"]
    kind = openai
    base-url = http://127.0.0.1:$one_port/v1
    key-env = ONE_KEY
[core]
    default-model = one/gpt-6-luna
END
start_broker
seq -s ' ' 1 2000 | sed 's/[0-9]*/word/g' >"$tmp/words"
printf '中文字' >"$tmp/cjk"
: >"$tmp/empty"

out=$(llmgw tokens "$tmp/words")
like "$out" "^ +[0-9],[0-9]{3} +[0-9],[0-9]{3} +[0-9],[0-9]{3} +10,000 +$tmp/words\$" 'a file'
like "$out" '^estimated for one/gpt-6-luna: 4\.[0-9]+ bytes a token, as shipped' '… for the default model'
tok=$(llmgw tokens -j "$tmp/words" | "$tool" json rows.0.tokens)
cmp_num "$tok" -gt 2300 'tokens of words'
cmp_num "$tok" -lt 2600 '… about four bytes each'
cmp_num "$(llmgw tokens -j "$tmp/words" | "$tool" json rows.0.low)" -lt "$tok" '… with a range below'
cmp_num "$(llmgw tokens -j "$tmp/words" | "$tool" json rows.0.high)" -gt "$tok" '… and above'
is "$(llmgw tokens -j <"$tmp/words" | "$tool" json rows.0.tokens)" "$tok" 'standard input is the same'
is "$(llmgw tokens -j "$tmp/words" "$tmp/words" | "$tool" json totals.tokens)" $((2 * tok)) 'files have a sum'
is "$(llmgw tokens -j "$tmp/empty" | "$tool" json rows.0.tokens)" 0 'nothing is no token'
is "$(llmgw tokens --max 100 <"$tmp/words" 2>"$tmp/err" | llmgw tokens -j | "$tool" json rows.0.tokens)" 100 \
    'a text is cut to so many'
like "$(cat "$tmp/err")" 'cut to ~100 tokens: [0-9]+ of 10000 bytes' '… and that is told'
is "$(llmgw tokens --max 5000 <"$tmp/words" 2>&1 | cksum)" "$(cksum <"$tmp/words")" 'what fits stays as it is'
is "$(llmgw tokens --max 1 <"$tmp/cjk" 2>/dev/null)" '中' 'no character is cut in two'
is "$(llmgw tokens -m nobody <"$tmp/words" >/dev/null 2>&1; echo $?)" 4 'no such model'
is "$(llmgw tokens "$tmp/nothing" >/dev/null 2>&1; echo $?)" 4 'no such file'
like "$(cd "$tmp" && llmgw tokens hello 2>&1)" 'no file "hello"' 'who means a word'
like "$(cd "$tmp" && llmgw tokens hello 2>&1)" 'hint: .*echo "hello" \| llmgw tokens' '… is told of the pipe'
is "$(llmgw tokens --max 0 <"$tmp/words" >/dev/null 2>&1; echo $?)" 2 'no token: usage'
is "$(wc -l <"$one_journal")" 0 'no provider was asked'
llmgw chat --no-stdin -f "$tmp/words" hi >/dev/null
like "$(llmgw tokens "$tmp/words")" 'learned from its answers' 'answers teach'
stop_broker
config </dev/null
start_broker
out=$(llmgw tokens "$tmp/words" 2>&1)
is "$?" 8 'without a provider there is no default model'
like "$out" '^hint: llmgw tokens -m ' '… but any can be named'
is "$(llmgw tokens -m gpt-6-luna -j "$tmp/words" | "$tool" json rows.0.tokens)" "$tok" '… and needs no key'

done_testing
