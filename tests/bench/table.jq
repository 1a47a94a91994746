# table.jq: RESULTS.md from bench.jsonl: medians, then every target beside what was measured.
#
#     jq -rs -f table.jq bench.jsonl
#
# A target is [what, relation, bound, unit, value]; a value of null was not measured in this run.

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;
def rounded($digits): pow(10; $digits) as $p | . * $p | round / $p;
def show($digits): if . == null then "–" else rounded($digits) | tostring end;

def pick($case; $server): map(select(.case == $case and .server == $server));
def all(f): map(f | select(. != null));
def med($case; $server; f): pick($case; $server) | all(f) | median;
def spread: if length == 0 then "–"
    else "\(median | show(1)) (\(min | show(1))–\(max | show(1)))" end;

def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;
def minus($a; $b): if $a == null or $b == null then null else $a - $b end;
# broker : nginx
def versus($case; f): ratio(med($case; "broker"; f); med($case; "nginx"; f));
# … of what each adds to going directly
def added($case; $direct; f):
    med($direct; "direct"; f) as $d
    | ratio(minus(med($case; "broker"; f); $d); minus(med($case; "nginx"; f); $d));

# a program from start to end
def ms($case): med($case; "llmgw"; .p50_us) | if . == null then null else . / 1000 end;

def cases: ["one", "one-unix", "c32", "c256", "body100k", "stream", "stream32"];
def servers: ["direct", "nginx", "broker"];

def serving:
    "| case | server | p50 µs | p99 µs | first byte p50 µs | CPU µs per answer | of it the loop | answers/s | events/s | errors |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ( cases[] as $case | servers[] as $server
      | pick($case; $server) | select(length > 0)
      | [ $case, $server, (all(.p50_us) | spread), (all(.p99_us) | spread),
          (all(.ttft_p50_us) | spread),
          (if $server != "direct" then all(.cpu_us) | spread else "–" end),
          (if $server == "broker" then all(.loop_us) | spread else "–" end),
          (all(.rps) | spread), (all(.events_per_s) | spread), (all(.errors) | add) ]
      | "| \(map(tostring) | join(" | ")) |" );

def targets: [
    ["added p50, one at a time, TCP", "≤", 1.3, "× nginx", added("one"; "one"; .p50_us)],
    ["added p50, one at a time, Unix socket", "≤", 1.15, "× nginx",
        added("one-unix"; "one"; .p50_us)],
    ["CPU per request, 32 clients", "≤", 1.7, "× nginx", versus("c32"; .cpu_us)],
    ["requests per second, 32 clients", "≥", 0.58, "× nginx", versus("c32"; .rps)],
    ["requests per second, 256 clients", "≥", 0.52, "× nginx", versus("c256"; .rps)],
    ["100 KB body, added p50", "≤", 2, "× nginx", added("body100k"; "body100k"; .p50_us)],
    ["added time to first token, p50", "≤", 1.6, "× nginx",
        added("stream"; "stream"; .ttft_p50_us)],
    ["CPU per stream, 32 at once", "≤", 1.25, "× nginx", versus("stream32"; .cpu_us)],
    ["events per second, no pauses", "≥", 0.95, "× nginx", versus("stream32"; .events_per_s)],
    ["memory, idle", "≤", 1, "× nginx", versus("idle"; .rss_kb)],
    ["cold start: broker started on demand, one answer", "≤", 15, "ms", ms("cold-chat")],
    ["`llmgw --version`", "≤", 5, "ms", ms("version")],
    ["one-shot chat over a running broker, above `--version`", "≤", 3, "ms",
        minus(ms("chat"); ms("version"))]
];

def is_met: .[4] as $value | if .[1] == "≤" then $value <= .[2] else $value >= .[2] end;
def target: "\(.[1]) \(.[2]) \(.[3])";
def measured: "\(.[4] | show(2)) \(.[3])";

def compared:
    "| figure | target | measured | |", "| --- | --- | --- | --- |",
    ( targets[] | select(.[4] != null)
      | "| \(.[0]) | \(target) | \(measured) | \(if is_met then "met" else "missed" end) |" );

def list($title; $none; filter; line):
    "## \($title)", "",
    ([targets[] | select(filter)] | if length == 0 then $none else .[] | "- \(line)" end);

def machine: .[] | select(.case == "machine") |
"`make bench` on \(.date): \(.cpus) cores (\(.arch)), `\(.cc)`, nginx \(.nginx); the load average
before it was \(.load), and 0 is what it should be. The serving process is pinned to one core; the
simulator and the load generator have another one. Serving figures are medians of \(.rounds) interleaved
rounds of \(.seconds) s, with minimum and maximum; the broker does its whole work: keys, scan, route,
limits, price, ledger. This page is made by `make update-bench`; the targets stand in `table.jq`.";

"# Benchmark results", "", machine, "",
serving, "",
compared, "",
list("What is missed"; "Nothing."; .[4] != null and (is_met | not); "\(.[0]): \(measured), target \(target)"), "",
list("What was not measured"; "Nothing."; .[4] == null; "\(.[0]) (\(target))")
