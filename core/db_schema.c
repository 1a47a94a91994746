/*
 * db_schema.c: the ledger's schema, a comment per column; SQLite keeps the comments, so that
 * `.schema` in the sqlite3 shell documents itself. llmgw-log(5) is the same for people.
 *
 * A schema that was released never changes: what is new is a new row of db_migrations. Times
 * are microseconds since 1970 UTC, money is pico-dollars (10^-12 USD), NULL is "not known".
 *
 * No index on request but the one that finds a row by id. Ids are ULIDs: they sort by time, so
 * a span of time is a span of that index, with a margin for clocks.
 */
#include "core/db.h"

#define REQUEST_HEAD                                                                     \
    "CREATE TABLE request (\n"                                                           \
    "  rid INTEGER PRIMARY KEY,     -- joins tag, attempt, body, score, guard\n"         \
    "  id TEXT NOT NULL UNIQUE,     -- ULID, as in x-llmgw-request-id\n"                 \
    "  start_us INTEGER NOT NULL,   -- arrival of the request\n"                         \
    "  first_token_us INTEGER,      -- first content sent to the client\n"               \
    "  end_us INTEGER NOT NULL,     -- end of the answer, or when the loss was found\n"  \
    "  kind TEXT NOT NULL,          -- chat, batch, replay, judge, embed\n"              \
    "  outcome TEXT NOT NULL,       -- ok, or a class of the error contract\n"           \
    "  provider TEXT,               -- of the target that served it\n"                   \
    "  model TEXT,                  -- of the target, as configured\n"                   \
    "  served_model TEXT,           -- as the provider named it in the answer\n"         \
    "  asked_model TEXT,            -- as the client named it: alias, route, model\n"    \
    "  route TEXT,                  -- NULL when a model was asked for directly\n"       \
    "  client TEXT,                 -- name of the client's key, or of the program\n"    \
    "  dialect TEXT,                -- of the client: openai, anthropic, responses\n"    \
    "  user TEXT,                   -- end user, as the client named it\n"               \
    "  project TEXT,\n"                                                                  \
    "  template TEXT,               -- name, or auto: and a hash of the system prompt\n" \
    "  template_version TEXT,\n"                                                         \
    "  conversation TEXT,           -- conversation.id\n"                                \
    "  parent TEXT,                 -- request.id this one continues or repeats\n"       \
    "  finish TEXT,                 -- stop, length, tool_calls, content_filter, …\n"  \
    "  flags INTEGER NOT NULL,      -- bits, spelled out by view requests\n"             \
    "  n_attempts INTEGER NOT NULL, -- upstream calls: rows of attempt\n"                \
    "  input_tok_estimate INTEGER,  -- at admission\n"                                   \
    "  reserved_pico INTEGER,       -- at admission; NULL if unpriced\n"                 \
    "  cost_pico INTEGER,           -- of all attempts together; NULL if unknown\n"      \
    "  cost_source TEXT NOT NULL,   -- computed, reported, estimated, unknown\n"         \
    "  reported_pico INTEGER,       -- the provider's own figure\n"                      \
    "  price_row TEXT,              -- PROVIDER/MODEL@DATE in the catalog\n"             \
    "  catalog_date TEXT,           -- of the catalog that priced it\n"                  \
    "  record TEXT NOT NULL,        -- full, meta or off: what was kept of the bodies\n"

/* The classes of usage.h: disjoint, units as priced, NULL where the provider told nothing. */
#define USAGE_COLUMNS                                                                    \
    "  input INTEGER,               -- fresh input tokens\n"                             \
    "  cache_read INTEGER,          -- input tokens read from the prompt cache\n"        \
    "  cache_write_5m INTEGER,      -- input tokens written to it, by lifetime\n"        \
    "  cache_write_30m INTEGER,\n"                                                       \
    "  cache_write_1h INTEGER,\n"                                                        \
    "  cache_write_12h INTEGER,\n"                                                       \
    "  output INTEGER,              -- visible text and tool calls, tokens\n"            \
    "  reasoning INTEGER,           -- reasoning tokens, not in output\n"                \
    "  citation INTEGER,            -- citation tokens\n"                                \
    "  audio_in INTEGER,            -- tokens of other media\n"                          \
    "  audio_cache_read INTEGER,\n"                                                      \
    "  audio_out INTEGER,\n"                                                             \
    "  image_in INTEGER,\n"                                                              \
    "  image_cache_read INTEGER,\n"                                                      \
    "  image_out INTEGER,\n"                                                             \
    "  video_in INTEGER,\n"                                                              \
    "  cache_storage_s INTEGER,     -- token-seconds of cache storage\n"                 \
    "  web_search INTEGER,          -- calls, not tokens, from here on\n"                \
    "  file_search INTEGER,\n"                                                           \
    "  x_search INTEGER,\n"                                                              \
    "  code_execution INTEGER,\n"                                                        \
    "  attachment_search INTEGER,\n"                                                     \
    "  collections_search INTEGER,\n"                                                    \
    "  search_query INTEGER,\n"                                                          \
    "  search_unit INTEGER,\n"                                                           \
    "  grounding_query INTEGER,\n"                                                       \
    "  grounded_request INTEGER,\n"                                                      \
    "  page INTEGER,\n"                                                                  \
    "  annotated_page INTEGER,\n"                                                        \
    "  character INTEGER,\n"                                                             \
    "  character_out INTEGER,\n"                                                         \
    "  audio_ms INTEGER,            -- milliseconds of audio\n"

#define REQUEST_TAIL                                                                     \
    "  error TEXT,                  -- one sentence, NULL after success\n"               \
    "  trace TEXT                   -- why this target: JSON of the decision\n"          \
    ") STRICT;\n"                                                                        \
    "CREATE VIEW requests AS SELECT *,\n"                                                \
    "  flags & 1 AS estimated,      -- usage or cost is our estimate\n"                  \
    "  flags >> 1 & 1 AS partial,   -- the client got only a part\n"                     \
    "  flags >> 2 & 1 AS interrupted,  -- admitted, then the broker died\n"              \
    "  flags >> 3 & 1 AS streamed,\n"                                                    \
    "  flags >> 4 & 1 AS held,      -- released only when whole\n"                       \
    "  flags >> 5 & 1 AS restarted, -- the client was told to start over\n"              \
    "  flags >> 6 & 1 AS crossed,   -- translated between dialects\n"                    \
    "  flags >> 7 & 1 AS mismatch,  -- the provider's own sums disagreed\n"              \
    "  flags >> 8 & 1 AS detached,  -- finished after its client left\n"                 \
    "  flags >> 9 & 1 AS cached     -- answered from our own cache\n"                    \
    "FROM request;\n"

#define TAG                                                                              \
    "CREATE TABLE tag (\n"                                                               \
    "  rid INTEGER NOT NULL,\n"                                                          \
    "  key TEXT NOT NULL,\n"                                                             \
    "  value TEXT NOT NULL,\n"                                                           \
    "  PRIMARY KEY (rid, key, value)\n"                                                  \
    ") STRICT, WITHOUT ROWID;\n"

#define ATTEMPT                                                                          \
    "CREATE TABLE attempt (\n"                                                           \
    "  rid INTEGER NOT NULL,\n"                                                          \
    "  idx INTEGER NOT NULL,        -- order of start, from 0\n"                         \
    "  leg INTEGER NOT NULL,        -- part of the answer it served, from 0\n"           \
    "  provider TEXT NOT NULL,\n"                                                        \
    "  model TEXT NOT NULL,         -- as sent\n"                                        \
    "  served_model TEXT,           -- as answered\n"                                    \
    "  key_id TEXT,                 -- which key, no part of it: openai#1\n"             \
    "  start_us INTEGER NOT NULL,\n"                                                     \
    "  connect_us INTEGER,          -- connected; NULL on a kept connection\n"           \
    "  first_byte_us INTEGER,       -- head of the answer\n"                             \
    "  first_token_us INTEGER,      -- first content\n"                                  \
    "  end_us INTEGER NOT NULL,\n"                                                       \
    "  http_status INTEGER,\n"                                                           \
    "  outcome TEXT NOT NULL,       -- ok, or a class of the error contract\n"           \
    "  provider_code TEXT,          -- the provider's own error code\n"                  \
    "  upstream_id TEXT,            -- the provider's request id\n"                      \
    "  bytes_in INTEGER NOT NULL,   -- from the provider\n"                              \
    "  bytes_out INTEGER NOT NULL,  -- to the provider\n"                                \
    "  cost_pico INTEGER,           -- NULL if unknown\n"                                \
    "  cost_source TEXT NOT NULL,   -- as in request\n"                                  \
    "  estimated INTEGER NOT NULL,  -- 1: the bill is our estimate\n"                    \
    "  price_row TEXT,\n"                                                                \
    "  pricing TEXT,                -- what else decided it: batch, ttl=12h, …\n"      \
    "  usage TEXT,                  -- JSON, by the classes of request; NULL if "        \
    "unknown\n"                                                                          \
    "  PRIMARY KEY (rid, idx)\n"                                                         \
    ") STRICT, WITHOUT ROWID;\n"

/* Sizes stand before the blobs, so that retention reads no overflow page. */
#define BODY                                                                             \
    "CREATE TABLE body (\n"                                                              \
    "  rid INTEGER PRIMARY KEY,\n"                                                       \
    "  at_us INTEGER NOT NULL,      -- end of the request, for retention\n"              \
    "  stored_len INTEGER NOT NULL, -- bytes of the three blobs\n"                       \
    "  request_len INTEGER NOT NULL,  -- bytes before compression\n"                     \
    "  response_len INTEGER NOT NULL,\n"                                                 \
    "  answer_len INTEGER NOT NULL,\n"                                                   \
    "  request BLOB,                -- as the client sent it; zstd, as the others\n"     \
    "  response BLOB,               -- as the client got it\n"                           \
    "  answer BLOB                  -- plain text of the answer\n"                       \
    ") STRICT;\n"                                                                        \
    "CREATE TABLE score (\n"                                                             \
    "  sid INTEGER PRIMARY KEY,\n"                                                       \
    "  rid INTEGER NOT NULL,\n"                                                          \
    "  at_us INTEGER NOT NULL,\n"                                                        \
    "  name TEXT NOT NULL,          -- what was judged: quality, helpful, agree, …\n"  \
    "  value REAL NOT NULL,\n"                                                           \
    "  source TEXT NOT NULL CHECK (source IN ('human', 'command', 'judge')),\n"          \
    "  note TEXT\n"                                                                      \
    ") STRICT;\n"                                                                        \
    "CREATE INDEX score_of_request ON score (rid);\n"                                    \
    "CREATE TABLE conversation (\n"                                                      \
    "  id TEXT PRIMARY KEY,\n"                                                           \
    "  name TEXT,                   -- given by the user, unique when set\n"             \
    "  title TEXT,                  -- first words of the first prompt\n"                \
    "  project TEXT,\n"                                                                  \
    "  forked_from TEXT,            -- request.id\n"                                     \
    "  start_us INTEGER NOT NULL,\n"                                                     \
    "  last_us INTEGER NOT NULL,    -- start of its newest request\n"                    \
    "  last_request TEXT NOT NULL,  -- request.id\n"                                     \
    "  n_requests INTEGER NOT NULL\n"                                                    \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE UNIQUE INDEX conversation_name ON conversation (name)\n"                     \
    "  WHERE name IS NOT NULL;\n"

#define REPLAY                                                                           \
    "CREATE TABLE replay_run (\n"                                                        \
    "  id TEXT PRIMARY KEY,         -- ULID\n"                                           \
    "  start_us INTEGER NOT NULL,\n"                                                     \
    "  end_us INTEGER,              -- NULL while it runs or when it was abandoned\n"    \
    "  state TEXT NOT NULL,         -- running, done, stopped\n"                         \
    "  args TEXT NOT NULL,          -- JSON: selection, targets, metrics, seed\n"        \
    "  n_items INTEGER NOT NULL,\n"                                                      \
    "  cost_pico INTEGER,           -- of the run itself\n"                              \
    "  judge_pico INTEGER           -- of its judges\n"                                  \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE replay_item (\n"                                                       \
    "  run TEXT NOT NULL,           -- replay_run.id\n"                                  \
    "  source TEXT NOT NULL,        -- request.id that was recorded\n"                   \
    "  against TEXT NOT NULL,       -- model or route it was sent to\n"                  \
    "  repeat INTEGER NOT NULL,     -- from 0\n"                                         \
    "  request TEXT,                -- request.id of the new answer\n"                   \
    "  state TEXT NOT NULL,         -- waiting, done, failed, skipped\n"                 \
    "  metric TEXT,                 -- exact, norm, json, judge, …\n"                  \
    "  agree INTEGER,               -- 1, 0, or NULL when not comparable\n"              \
    "  note TEXT,                   -- why it was skipped, or the judge's words\n"       \
    "  PRIMARY KEY (run, source, against, repeat)\n"                                     \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE guard (\n"                                                             \
    "  rid INTEGER NOT NULL,\n"                                                          \
    "  idx INTEGER NOT NULL,        -- order of running, from 0\n"                       \
    "  name TEXT NOT NULL,          -- of the [guard] section\n"                         \
    "  stage TEXT NOT NULL,         -- request, response\n"                              \
    "  verdict TEXT NOT NULL,       -- pass, block, change, error\n"                     \
    "  note TEXT,\n"                                                                     \
    "  took_us INTEGER NOT NULL,    -- duration\n"                                       \
    "  PRIMARY KEY (rid, idx)\n"                                                         \
    ") STRICT, WITHOUT ROWID;\n"

/* What both roll-ups add up. */
#define SUMS                                                                             \
    "  n_requests INTEGER NOT NULL,\n"                                                   \
    "  n_failed INTEGER NOT NULL,   -- outcome other than ok\n"                          \
    "  n_unpriced INTEGER NOT NULL, -- cost unknown, so not in cost_pico\n"              \
    "  n_estimated INTEGER NOT NULL,  -- cost is an estimate\n"                          \
    "  n_attempts INTEGER NOT NULL,\n"                                                   \
    "  input_tok INTEGER NOT NULL,  -- all input classes together\n"                     \
    "  cached_tok INTEGER NOT NULL, -- of these, read from the prompt cache\n"           \
    "  output_tok INTEGER NOT NULL, -- all output classes together\n"                    \
    "  reasoning_tok INTEGER NOT NULL,  -- of these, reasoning\n"                        \
    "  cost_pico INTEGER NOT NULL,\n"

/* Dimensions are '' where the request has NULL, because a key must compare equal. */
#define ROLLUPS                                                                          \
    "CREATE TABLE rollup_hour (\n"                                                       \
    "  hour INTEGER NOT NULL,       -- start_us / 3600000000\n"                          \
    "  provider TEXT NOT NULL,\n"                                                        \
    "  model TEXT NOT NULL,\n"                                                           \
    "  status TEXT NOT NULL,        -- request.outcome\n" SUMS                           \
    "  PRIMARY KEY (hour, provider, model, status)\n"                                    \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE rollup_hour_dim (\n"                                                   \
    "  hour INTEGER NOT NULL,\n"                                                         \
    "  provider TEXT NOT NULL,\n"                                                        \
    "  model TEXT NOT NULL,\n"                                                           \
    "  route TEXT NOT NULL,\n"                                                           \
    "  template TEXT NOT NULL,\n"                                                        \
    "  project TEXT NOT NULL,\n"                                                         \
    "  client TEXT NOT NULL,\n"                                                          \
    "  kind TEXT NOT NULL,\n" SUMS                                                       \
    "  PRIMARY KEY (hour, provider, model, route, template, project, client, kind)\n"    \
    ") STRICT, WITHOUT ROWID;\n"

#define STATE                                                                            \
    "CREATE TABLE state (\n"                                                             \
    "  key TEXT PRIMARY KEY,        -- breaker:TARGET, key:PRINT, pin:ROUTE, …\n"      \
    "  value TEXT NOT NULL,         -- JSON\n"                                           \
    "  at_us INTEGER NOT NULL       -- last change\n"                                    \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE budget_mark (\n"                                                       \
    "  budget TEXT NOT NULL,        -- name of the [budget] section\n"                   \
    "  period_us INTEGER NOT NULL,  -- start of the calendar window\n"                   \
    "  level_ppm INTEGER NOT NULL,  -- share of the limit that was crossed\n"            \
    "  at_us INTEGER NOT NULL,      -- when\n"                                           \
    "  PRIMARY KEY (budget, period_us, level_ppm)\n"                                     \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE spool (\n"                                                             \
    "  one INTEGER PRIMARY KEY CHECK (one = 1),\n"                                       \
    "  file INTEGER NOT NULL,       -- identity of the spool file\n"                     \
    "  applied INTEGER NOT NULL     -- its records up to this position are rows here\n"  \
    ") STRICT;\n"                                                                        \
    "CREATE TABLE admitted (\n"                                                          \
    "  id TEXT PRIMARY KEY,         -- request.id of one that runs so long that its\n"   \
    "  record BLOB NOT NULL         -- spool record had to make room: that record\n"     \
    ") STRICT, WITHOUT ROWID;\n"                                                         \
    "CREATE TABLE loss (\n"                                                              \
    "  at_us INTEGER NOT NULL,      -- when it was noticed\n"                            \
    "  n_rows INTEGER NOT NULL,     -- requests that could not be recorded\n"            \
    "  n_bodies INTEGER NOT NULL,   -- bodies that were not kept\n"                      \
    "  why TEXT NOT NULL\n"                                                              \
    ") STRICT;\n"

static const char *const version_1[] = {
    REQUEST_HEAD, USAGE_COLUMNS, REQUEST_TAIL, TAG,   ATTEMPT,
    BODY,         REPLAY,        ROLLUPS,      STATE, NULL,
};

/* Words of recorded bodies; FTS5 keeps them in tables of its own beside it. */
#define BODY_TEXT                                                                        \
    "CREATE VIRTUAL TABLE body_text USING fts5 (\n"                                      \
    "  prompt,                      -- what is new in the request, without its system "  \
    "prompt\n"                                                                           \
    "  answer,                      -- of both the first 256 KiB\n"                      \
    "  tokenize = 'unicode61 remove_diacritics 2'\n"                                     \
    ");                             -- rowid is the rid of body\n"

/* What is recorded already is made searchable by the broker, from the newest back: texts.c. */
#define BODY_TEXT_FILL                                                                   \
    "INSERT INTO state SELECT 'texts:fill', max(rid) + 1, 0 FROM body"                   \
    " HAVING max(rid) IS NOT NULL;\n"

static const char *const version_2[] = {BODY_TEXT, BODY_TEXT_FILL, NULL};

/* Of scripts without blanks each character is a word now: what was taken in before, again. */
static const char *const version_3[] = {
    "DELETE FROM state WHERE key = 'texts:fill';\n",
    BODY_TEXT_FILL,
    NULL,
};

const char *const *const db_migrations[DB_SCHEMA_VERSION] = {version_1, version_2,
                                                             version_3};
