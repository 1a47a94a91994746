# table.jq: RESULTS.md from bench.jsonl: medians, then every target beside what was measured.
#
#     jq -rs -f table.jq bench.jsonl
#
# A target is [what, relation, bound, unit, value]; a value of null was not measured in this run.

# ---- figures ----

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;
def rounded($digits): pow(10; $digits) as $p | . * $p | round / $p;
def show($digits): if . == null then "–" else rounded($digits) | tostring end;

def pick($case; $server): map(select(.case == $case and .server == $server));
def all(f): map(f | select(. != null));
def med($case; $server; f): pick($case; $server) | all(f) | median;
def spread($digits): if length == 0 then "–"
    else "\(median | show($digits)) (\(min | show($digits))–\(max | show($digits)))" end;

def scaled($by): if . == null then null else . / $by end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;
def minus($a; $b): if $a == null or $b == null then null else $a - $b end;
# broker : nginx
def versus($case; f): ratio(med($case; "broker"; f); med($case; "nginx"; f));
# … of what each adds to going directly
def added($case; $direct; f):
    med($direct; "direct"; f) as $d
    | ratio(minus(med($case; "broker"; f); $d); minus(med($case; "nginx"; f); $d));
# a program from start to end
def ms($case): med($case; "llmgw"; .p50_us) | scaled(1000);
def slowest($case): [.[] | select(.server == "llmgw" and (.case | startswith($case)))]
    | map(.p50_us) | max | scaled(1000);
def recording(f): med("ledger"; "llmgwd"; f) | scaled(1000);

# ---- tables ----

def line: "| \(map(tostring) | join(" | ")) |";
def table($head; $rows): if $rows == [] then empty
    else ($head | line), ($head | map("---") | line), ($rows[] | line), "" end;

def serving: table(
    ["case", "server", "p50 µs", "p99 µs", "first byte p50 µs", "CPU µs per answer",
     "of it the loop", "answers/s", "events/s", "errors"];
    [ ("one", "one-unix", "c32", "c256", "body100k", "stream", "stream32",
        "record-off", "record-meta", "record-full", "ledger-empty", "ledger-full") as $case
      | ("direct", "nginx", "broker") as $server
      | pick($case; $server) | select(length > 0)
      | [ $case, $server, (all(.p50_us) | spread(0)), (all(.p99_us) | spread(0)),
          (all(.ttft_p50_us) | spread(0)),
          (if $server != "direct" then all(.cpu_us) | spread(1) else "–" end),
          (if $server == "broker" then all(.loop_us) | spread(1) else "–" end),
          (all(.rps) | spread(0)), (all(.events_per_s) | spread(0)), (all(.errors + .unfinished) | add) ] ]);

def streams: table(
    ["streams", "server", "first byte p50 ms", "gap p50 ms", "gap p99 ms", "CPU µs per event",
     "peak memory MiB", "streams whole", "errors"];
    [ ("slow1000", "stalled", "events1", "events2000") as $case
      | ("direct", "nginx", "broker") as $server
      | pick($case; $server)[]
      | [ $case, $server, (.ttft_p50_us / 1000 | show(1)), (.gap_p50_us / 1000 | show(1)),
          (.gap_p99_us / 1000 | show(1)),
          (if $server != "direct" then .event_us | show(1) else "–" end),
          (if $server != "direct" then .peak_kb / 1024 | show(1) else "–" end), .requests,
          .errors + .unfinished ] ]);

def programs: table(
    ["program, from start to end", "p50 ms", "CPU ms", "runs", "errors"];
    [ .[] | select(.server == "llmgw")
      | [ .case, "\(.p50_us / 1000 | show(1)) (\(.min_us / 1000 | show(1))–\(.max_us / 1000 | show(1)))",
          (.cpu_us / 1000 | show(1)), .runs, .errors ] ]);

def instructions: table(
    ["instructions of the broker for", "loop", "ledger's writer"];
    [ .[] | select(.server == "callgrind")
      | ["\(.case)", .loop_instructions, .writer_instructions] ]);

def ledger: table(
    ["recording", "rows/s", "writer's CPU µs per request", "append p50 / p99 µs, database locked",
     "… while it commits", "bytes per request"];
    [ ("ledger", "ledger-bodies") as $case | pick($case; "llmgwd") | select(length > 0)
      | [ $case, (all(.rows_per_s) | spread(0)), (all(.writer_ns_per_request / 1000) | spread(1)),
          "\(all(.locked_p50_ns / 1000) | spread(1)) / \(all(.locked_p99_ns / 1000) | spread(1))",
          "\(all(.paced_p50_ns / 1000) | spread(1)) / \(all(.paced_p99_ns / 1000) | spread(1))",
          (all(.bytes_per_request) | spread(0)) ] ]);

# ---- targets ----

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
    ["… in time: first byte of a stream, above direct, p50", "≤", 2, "ms",
        (minus(med("stream"; "broker"; .ttft_p50_us); med("stream"; "direct"; .ttft_p50_us))
            | scaled(1000))],
    ["CPU per stream, 32 at once", "≤", 1.25, "× nginx", versus("stream32"; .cpu_us)],
    ["events per second, no pauses", "≥", 0.95, "× nginx", versus("stream32"; .events_per_s)],
    ["memory, idle", "≤", 1, "× nginx", versus("idle"; .rss_kb)],
    ["memory, 1,000 slow streams", "≤", 1.35, "× nginx", versus("slow1000"; .peak_kb)],
    ["1,000 slow streams: gap between events, p99, above direct", "≤", 2, "ms",
        (minus(med("slow1000"; "broker"; .gap_p99_us); med("slow1000"; "direct"; .gap_p99_us))
            | scaled(1000))],
    ["streams lost, with 1,000 slow ones and with 20 stalled of 2,000", "≤", 0, "streams",
        (pick("slow1000"; "broker") + pick("stalled"; "broker") | map(.errors + .unfinished) | add)],
    ["memory, each of 20 stalled readers (`stream-memory`)", "≤", 4, "MiB",
        (minus(med("stalled"; "broker"; .peak_kb); med("events2000"; "broker"; .peak_kb))
            | scaled(20 * 1024))],
    ["CPU per event, 2,000 streams : 1", "≤", 1.3, "×",
        ratio(med("events2000"; "broker"; .event_us); med("events1"; "broker"; .event_us))],
    ["cold start: broker started on demand, one answer", "≤", 15, "ms", ms("chat, cold")],
    ["`llmgw --version`", "≤", 5, "ms", ms("--version")],
    ["one-shot chat over a running broker, above `--version`", "≤", 3, "ms",
        minus(ms("chat"); ms("--version"))],
    ["ledger rows per second", "≥", 100000, "rows/s", med("ledger"; "llmgwd"; .rows_per_s)],
    ["ledger CPU per row, roll-ups included", "≤", 4.8, "µs", recording(.writer_ns_per_row)],
    ["a request recorded, database locked, p50", "≤", 3, "µs", recording(.locked_p50_ns)],
    ["… and while the writer commits, p50", "≤", 3, "µs", recording(.paced_p50_ns)],
    ["report by month and model", "≤", 50, "ms", ms("cost month")],
    ["a line for the shell's prompt: `cost --oneline`", "≤", 5, "ms", ms("cost --oneline")],
    ["any completion", "≤", 30, "ms", slowest("completion")],
    ["any report from roll-ups", "≤", 250, "ms", slowest("cost")],
    ["CPU per request, full ledger : empty", "≤", 1.1, "×",
        ratio(med("ledger-full"; "broker"; .cpu_us); med("ledger-empty"; "broker"; .cpu_us))]
];

def is_met: .[4] as $value | if .[1] == "≤" then $value <= .[2] else $value >= .[2] end;
def target: "\(.[1]) \(.[2]) \(.[3])";
def measured: "\(.[4] | show(2)) \(.[3])";

def compared: table(["figure", "target", "measured", ""];
    [ targets[] | select(.[4] != null)
      | [.[0], target, measured, (if is_met then "met" else "missed" end)] ]);

def list($title; filter; line):
    "## \($title)", "",
    ([targets[] | select(filter)] | if . == [] then "Nothing." else .[] | "- \(line)" end), "";

# ---- the page ----

def machine: .[] | select(.case == "machine") |
"`make bench` on \(.date): \(.cpus) cores (\(.arch)), `\(.cc)`, nginx \(.nginx); the load average
before it was \(.load), and 0 is what it should be. The serving process is pinned to one core; the
simulator and the load generator have another one. Figures are medians, with minimum and maximum,
of \(.rounds) interleaved rounds of \(.seconds) s where servers are compared. The broker does its whole
work: keys, scan, route, limits, price, ledger. Reports read a ledger of \(.rows) requests.
This page is made by `make update-bench`; the targets stand in `table.jq`.", "";

"# Benchmark results", "", machine, serving, streams, instructions, programs, ledger, "## Targets", "", compared,
list("What is missed"; .[4] != null and (is_met | not); "\(.[0]): \(measured), target \(target)"),
list("What was not measured"; .[4] == null; "\(.[0]) (\(target))")
