/* schema_shapes.c: see schema_shapes.h. tests/e2e/59-schema.t holds commands to it. */
#include "cmd/schema_shapes.h"

/* clang-format off */
#define USAGE                                                                              \
    " usage:{prompt_tokens:i completion_tokens:i total_tokens:i prompt_tokens_details*:j"  \
    " completion_tokens_details*:j}?"
#define FACTS                                                                              \
    " id:s conversation:s? route:s? target:s? model:s? finish:s?" USAGE                    \
    " max_output_tokens*:i cost_usd:n? cost_pusd:i? cost_source:s? ttft_ms:i?"             \
    " total_ms:i attempts:i legs:i? rounds*:i recorded:s?"
#define ATTEMPTS " attempts*:[{target:s class:s status:i? ms:i?}]"
#define FAILURE "{class:s message:s retryable:b retry_after_ms:i?" ATTEMPTS "}"
#define LIMITS                                                                             \
    "[{limit*:s learned*:s budget*:s gauge*:s amount*:i window_us*:i left*:i"              \
    " resets_in_us*:i age_us*:i hard*:b per*:s limit_usd*:n spent_usd*:n reserved_usd*:n warn*:b"    \
    " from*:t until*:t}]"
#define SUMS                                                                               \
    " requests:i failed_requests:i attempts:i input_tokens:i cached_tokens:i"              \
    " cached_share:n output_tokens:i reasoning_tokens:i cost_usd:n cost_pusd:i share:n"    \
    " unpriced_requests:i estimated_requests:i"
#define EXCHANGE                                                                           \
    " id:s kind:s status:s error:s? provider:s? model:s?"                                  \
    " served_model:s? asked_model:s? route:s? client:s? dialect:s? user:s? project:s?"     \
    " template:s? template_version:s? conversation:s? parent:s? finish:s? cost_source:s?"  \
    " price_row:s? catalog_date:s? record:s? start:t first_token:t? end:t interrupted:b"   \
    " cost_usd:n? cost_pusd:i? reported_usd:n? usage:j"                                    \
    " attempts:[{provider:s model:s served_model:s? key:s? start:t first_token:t? end:t?"  \
    " status:s http_status:i? provider_code:s? upstream_id:s? usage:j cost_usd:n?"         \
    " cost_source:s? price_row:s?}] tags*:j trace:j request:j response:j answer:s?"
#define REPLAY_SUMS                                                                        \
    "against:s requests:i cost_usd:n cost_pusd:i cost_change:n p50_ms:n p95_ms:n"          \
    " exact:n norm*:n json*:n contains*:n rouge*:n cmd*:n json_ok*:n agree:n"             \
    " agree_low:n agree_high:n errors:i unpriced:i compared:i"                             \
    " cost_per_agree_usd:n cost_per_agree_pusd:i"

const struct schema_shape schema_shapes[] = {
    {"llmgw.broker.status/1", "broker status", "the broker", SCHEMA_OBJECT,
     "proto:i version:s pid:i started_at:t uptime_s:i auto:b draining:b connections:i"
     " in_flight:i requests:i failed:i attempts:i fallbacks:i spent_usd:n config:s"
     " config_read_at:t config_error:s?"
     " ledger:{writable:b trouble:s records:i applied:i removals*:i spool_used_bytes:i"
     " spool_size_bytes:i dropped_rows:i dropped_bodies:i}", NULL},
    {"llmgw.broker.ps/1", "broker ps", "requests under way", SCHEMA_ROWS,
     "request_id:s state:s target:s attempts:i age_ms:n route:s project:s client:s stream:b",
     NULL},
    {"llmgw.broker.path/1", "broker path", "where its files are", SCHEMA_OBJECT,
     "schema=llmgw.broker.path/1 socket:s log:s db:s", NULL},
    {"llmgw.broker/1", "broker start", "what was done; also of its other verbs", SCHEMA_OBJECT,
     "schema=llmgw.broker/1 started*:b stopped*:b reloaded*:b cancelled*:b installed*:b", NULL},
    {"llmgw.chat/1", "chat", "an answer", SCHEMA_OBJECT,
     "schema=llmgw.chat/1 text:s reasoning*:s extracted*:s?" FACTS " error:" FAILURE "?", NULL},
    {"llmgw.chat.event/1", "chat events", "the lines of chat -F jsonl", SCHEMA_EVENTS,
     "type=start id:s conversation:s? route:s? target:s? model:s? max_output_tokens*:i;"
     "type=fallback from:s to:s reason:s;"
     "type=text text:s;"
     "type=reasoning text:s;"
     "type=reset reason:s?;"
     "type=end extracted*:s?" FACTS ";"
     "type=error class:s message:s retryable:b retry_after_ms:i? extracted*:s?" FACTS, NULL},
    {"llmgw.usage/1", "chat usage", "the file of chat --usage-file", SCHEMA_OBJECT,
     "schema=llmgw.usage/1" FACTS " error*:" FAILURE "?", NULL},
    {"llmgw.client/1", "client list", "keys of clients", SCHEMA_ROWS,
     "client:s project:s route:s key_hash:s", NULL},
    {"llmgw.client.add/1", "client add", "a new client's key", SCHEMA_OBJECT,
     "schema=llmgw.client.add/1 client:s key:s", NULL},
    {"llmgw.config/1", "config list", "settings in force", SCHEMA_ROWS,
     "key:s value:s origin:s line:i", NULL},
    {"llmgw.config.get/1", "config get", "one setting", SCHEMA_OBJECT,
     "schema=llmgw.config.get/1 key:s values:[s]", NULL},
    {"llmgw.cost/1", "cost", "what was spent", SCHEMA_ROWS,
     "hour*:s day*:s week*:s month*:s model*:s provider*:s route*:s project*:s template*:s"
     " client*:s kind*:s status*:s conversation*:s user*:s" SUMS,
     " since:t? until:t waiting_requests:i"},
    {"llmgw.cost.show/1", "cost show", "the arithmetic of one request", SCHEMA_OBJECT,
     "schema=llmgw.cost.show/1 id:s start:t status:s attempts:[{provider:s model:s"
     " served_model:s? status:s estimated:b price_row:s? band:s? window:s? prompt_tokens*:i"
     " lines:[{component:s quantity:i unit_usd:n? unit_per:i amount_usd:n? is_fee:b}]"
     " ratios:[{name:s num:i den:i}] cost_usd:n? cost_pusd:i? recorded_usd:n? recorded_pusd:i? why:s?}]"
     " cost_usd:n? cost_pusd:i? recorded_usd:n? recorded_pusd:i? cost_source:s?"
     " reported_usd:n? reported_pusd:i? catalog:s", NULL},
    {"llmgw.doctor/1", "doctor", "what is in its place", SCHEMA_ROWS,
     "check:s state:s what:s hint:s", NULL},
    {"llmgw.explain/1", "route explain", "a decision, also of chat --dry-run", SCHEMA_OBJECT,
     "schema=llmgw.explain/1 parts:[{name:s bytes:i}]"
     " headers*:[{name:s value:s redacted*:b}] body*:j route:s? file:s? line:i? model:s?"
     " how:s? strategy:s prefer*:s prefer_for_ms*:i? input_tok:i max_output_tok:i? would_send:b wait_ms*:i"
     " candidates:[{target:s verdict:s skip*:s wait_ms*:i rank*:s why*:s class*:s min_usd:n?"
     " max_usd:n?"
     " file:s? line:i?}]"
     " estimate:{tok:i low_tok:i high_tok:i method:s learned_from:i script:s bytes:i"
     " bytes_per_tok:n images:i image_tok:i}"
     " cost_usd:{cached:n? uncached:n? likely:n? max:n?} cost_output_tok:i?"
     " budgets:" LIMITS " limits:" LIMITS, NULL},
    {"llmgw.help/1", "help", "the tables of options and commands", SCHEMA_OBJECT,
     "schema=llmgw.help/1 version:s"
     " global_options:[{name:s letter:s? argument:s? values:s? negatable:b with:[s]? help:s}]"
     " commands:[{name:s alias:s? arguments:s summary:s? formats:[s]"
     " options:[{name:s letter:s? argument:s? values:s? negatable:b with:[s]? help:s}] options_of:s?"
     " options_of_with:[s]?"
     " examples:[{line:s what:s}]}] exit_codes:[{code:i name:s when:s}]", NULL},
    {"llmgw.keys/1", "keys list", "where providers' keys come from", SCHEMA_ROWS,
     "provider:s source:s state:s ends:s origin:s line:i", NULL},
    {"llmgw.keys.test/1", "keys test", "whether providers accept them", SCHEMA_ROWS,
     "provider:s model:s result:s why:s", NULL},
    {"llmgw.log/1", "log", "requests", SCHEMA_ROWS,
     "start:t id:s model:s status:s input_tokens:i output_tokens:i cost_usd:n cost_pusd:i"
     " ttft_ms:n total_ms:n kind:s route:s asked_model:s served_model:s project:s client:s"
     " user:s template:s conversation:s finish:s attempts:i cached_tokens:i"
     " reasoning_tokens:i cost_source:s interrupted:b error:s match*:s", NULL},
    {"llmgw.log.show/1", "log show", "one request", SCHEMA_OBJECT,
     "schema=llmgw.log.show/1" EXCHANGE, NULL},
    {"llmgw.log.export/1", "log export", "requests with their texts", SCHEMA_OBJECT,
     "schema=llmgw.log.export/1" EXCHANGE, NULL},
    {"llmgw.log.conversations/1", "log conversations", "conversations", SCHEMA_ROWS,
     "last:t id:s name:s title:s requests:i cost_usd:n cost_pusd:i project:s start:t"
     " forked_from:s", NULL},
    {"llmgw.log.stats/1", "log stats", "what the ledger holds", SCHEMA_ROWS,
     "path:s schema_version:i file_bytes:i wal_bytes:i waiting:i requests:i attempts:i tags:i"
     " conversations:i bodies:i body_bytes:i plain_bytes:i replay_runs:i first:t last:t"
     " first_body:t lost_rows:i lost_bodies:i cost_usd:n cost_pusd:i", NULL},
    {"llmgw.models/1", "models list", "what the catalog knows of models", SCHEMA_ROWS,
     "provider:s model:s input_usd_per_million:n output_usd_per_million:n context_tokens:i"
     " max_output_tokens:i mode:s status:s usable:b default:b capabilities:s ttft_ms:n", NULL},
    {"llmgw.models.show/1", "models show", "all that it knows of one", SCHEMA_ROWS,
     "provider:s model:s aliases:s family:s mode:s status:s context_tokens:i"
     " max_output_tokens:i has:s lacks:s services:s input_usd_per_million:n"
     " output_usd_per_million:n price_status:s disputed:b shutdown:s replacement:s usable:b"
     " default:b basis:s note:s", NULL},
    {"llmgw.models.refresh/1", "models refresh", "what providers say that they serve", SCHEMA_ROWS,
     "provider:s model:s known:b", NULL},
    {"llmgw.models.alias/1", "models alias", "names of one's own", SCHEMA_ROWS,
     "alias:s target:s origin:s line:i", NULL},
    {"llmgw.prices/1", "prices list", "prices of today", SCHEMA_ROWS,
     "provider:s model:s input_usd_per_million:n output_usd_per_million:n"
     " cache_read_usd_per_million:n since:s dates:s price_status:s disputed:b sources:s", NULL},
    {"llmgw.prices.show/1", "prices show", "every price of a model", SCHEMA_ROWS,
     "provider:s model:s from:s to:s when:s component:s usd:n per:i unit_price_pusd:i"
     " dates:s sources:s note:s", NULL},
    {"llmgw.prices.cost/1", "prices cost", "what usage costs", SCHEMA_ROWS,
     "id:s provider:s model:s at:t total_usd:n total_pusd:i exact:b reason:s"
     " usage_mismatch:b price:j lines:j multipliers:j fees:j", NULL},
    {"llmgw.replay/1", "replay", "a run, compared with what was recorded", SCHEMA_ROWS,
     REPLAY_SUMS, " run:s?"},
    {"llmgw.replay.list/1", "replay list", "the runs", SCHEMA_ROWS,
     "run:s start:t state:s against:s requests:i answered:i failed:i agree:n cost_usd:n"
     " cost_pusd:i end:t", NULL},
    {"llmgw.replay.export/1", "replay export", "every answer of a run", SCHEMA_ROWS,
     "source:s against:s repeat:i state:s metric:s agree:b recorded_cost_usd:n"
     " recorded_cost_pusd:i cost_usd:n cost_pusd:i recorded_total_ms:n total_ms:n request:s"
     " model:s recorded_answer:s answer:s note:s", " run:s?"},
    {"llmgw.route/1", "route list", "targets of routes", SCHEMA_ROWS,
     "route:s place:i target:s health:s ttft_ms:n ok:n input_usd:n input_pusd:i"
     " output_usd:n output_pusd:i strategy:s prefer:s weight:i when:s", NULL},
    {"llmgw.route.test/1", "route test", "whether targets answer", SCHEMA_ROWS,
     "target:s result:s took_ms:n cost_usd:n cost_pusd:i why:s", NULL},
    {"llmgw.route.history/1", "route history", "how requests were decided", SCHEMA_ROWS,
     "start:t id:s asked:s route:s target:s status:s rank:s passed_over:s", NULL},
    {"llmgw.route.health/1", "route health", "how targets fare", SCHEMA_ROWS,
     "target:s health:s key:s attempts:i failed:i ttft_ms:n retry_in_ms:n why:s",
     " limits:" LIMITS},
    {"llmgw.schema/1", "schema list", "the schemas there are", SCHEMA_ROWS,
     "schema:s command:s what:s", NULL},
    {"llmgw.template/1", "template list", "templates", SCHEMA_ROWS,
     "name:s target:s params:s about:s path:s version:s", NULL},
    {"llmgw.tokens/1", "tokens", "about how many tokens", SCHEMA_ROWS,
     "tokens:i low:i high:i bytes:i file:s", NULL},
    {"llmgw.error/1", "error", "a failure, on standard error with -F json and jsonl",
     SCHEMA_OBJECT,
     "error:{code:i name:s class:s message:s hint*:s" ATTEMPTS " retry_after_s*:i}", NULL},
    {0},
};
/* clang-format on */
