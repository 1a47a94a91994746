#!/bin/sh
# table.sh: medians, ratios and targets from bench.jsonl, as Markdown.
set -eu
results=$1
jq -rs '
def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;
def stat(f): map(f | select(. != null)) | {median: median, min: min, max: max};
def show: if .median == null then "–" else "\(.median * 10 | round / 10) (\(.min * 10 | round / 10)–\(.max * 10 | round / 10))" end;
def pick($c; $s): map(select(.case == $c and .server == $s));
def med($c; $s; f): pick($c; $s) | stat(f).median;
def r2: if . == null then "–" else . * 100 | round / 100 | tostring end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;
. as $all |
"| case | server | p50 µs | p99 µs | first byte p50 µs | CPU µs per answer | answers/s | events/s | errors |",
"| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
( ["one", "one-unix", "c32", "c256", "body100k", "stream", "stream32"][] as $c
  | ["direct", "nginx", "broker"][] as $s
  | ($all | pick($c; $s)) as $rows | select($rows | length > 0)
  | "| \($c) | \($s) | \($rows | stat(.p50_us) | show) | \($rows | stat(.p99_us) | show) | \($rows | stat(.ttft_p50_us) | show) | \(if $s == "direct" then "–" else ($rows | stat(.cpu_us) | show) end) | \($rows | stat(.rps) | show) | \($rows | stat(.events_per_s) | show) | \($rows | map(.errors) | add) |"
), "",
"| figure | target | measured |",
"| --- | --- | --- |",
( def added($c; $s; f): 
    ($all | med($c; $s; f)) as $x
    | ($all | med(if $c == "one-unix" then "one" else $c end; "direct"; f)) as $d
    | if $x == null or $d == null then null else $x - $d end;
  "| added p50, one at a time, TCP | ≤ 1.3 × nginx | \(ratio(added("one"; "broker"; .p50_us); added("one"; "nginx"; .p50_us)) | r2) × |",
  "| added p50, one at a time, Unix socket | ≤ 1.15 × nginx | \(ratio(added("one-unix"; "broker"; .p50_us); added("one"; "nginx"; .p50_us)) | r2) × |",
  "| CPU per request, 32 clients | ≤ 1.7 × nginx | \(ratio($all | med("c32"; "broker"; .cpu_us); $all | med("c32"; "nginx"; .cpu_us)) | r2) × |",
  "| requests per second, 32 clients | ≥ 0.58 × nginx | \(ratio($all | med("c32"; "broker"; .rps); $all | med("c32"; "nginx"; .rps)) | r2) × |",
  "| requests per second, 256 clients | ≥ 0.52 × nginx | \(ratio($all | med("c256"; "broker"; .rps); $all | med("c256"; "nginx"; .rps)) | r2) × |",
  "| 100 KB body, added p50 | ≤ 2 × nginx | \(ratio(added("body100k"; "broker"; .p50_us); added("body100k"; "nginx"; .p50_us)) | r2) × |",
  "| added time to first token, p50 | ≤ 1.6 × nginx | \(ratio(added("stream"; "broker"; .ttft_p50_us); added("stream"; "nginx"; .ttft_p50_us)) | r2) × |",
  "| CPU per stream of 64 events | ≤ 1.25 × nginx | \(ratio($all | med("stream32"; "broker"; .cpu_us); $all | med("stream32"; "nginx"; .cpu_us)) | r2) × |",
  "| events per second, no pauses | ≥ 0.95 × nginx | \(ratio($all | med("stream32"; "broker"; .events_per_s); $all | med("stream32"; "nginx"; .events_per_s)) | r2) × |",
  "| memory, idle | ≤ nginx (worker and master) | \(ratio($all | med("idle"; "broker"; .rss_kb); $all | med("idle"; "nginx"; .rss_kb)) | r2) × |"
)' "$results"
