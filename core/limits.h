/*
 * limits.h: every cap in one place, with its unit and its reason.
 *
 * Whatever a user, a client or a provider can make grow has a line here.
 */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

enum {
    /* bytes; request line and headers. nginx and Node allow 8-16 KiB; cookies are not ours */
    LIMIT_HEAD_LEN = 16 * 1024,
    /* headers in one message; more is an attack or a bug */
    LIMIT_HEADERS = 100,
    /* bytes; Anthropic takes 32 MB, OpenAI 50 MB with images: above both */
    LIMIT_BODY_LEN = 64 * 1024 * 1024,
    /* bytes; one answer that is not streamed, or one held back whole */
    LIMIT_REPLY_LEN = 64 * 1024 * 1024,
    /* bytes made of one request, beside its body and its answer: as many as the longest answer,
     * which may be read and written anew, and so many for each byte of the body */
    LIMIT_ARENA_LEN = 64 * 1024 * 1024,
    LIMIT_ARENA_PER_BODY = 2,
    /* bytes; one event of a stream (a whole image in base64 fits) */
    LIMIT_EVENT_LEN = 16 * 1024 * 1024,
    /* nesting of JSON; json-c's default is 32, real tool schemas reach about 20 */
    LIMIT_JSON_DEPTH = 128,
    /* distinct top-level keys of a request body; the widest known API has about 45 */
    LIMIT_JSON_KEYS = 256,
    /*
     * nesting of a JSON Schema as it is followed, $ref and all: each level costs 300 bytes of
     * stack
     */
    LIMIT_SCHEMA_DEPTH = 512,
    /* keywords, values and characters looked at in one check of a value: some 50 ms of the loop */
    LIMIT_SCHEMA_STEPS = 2000000,
    /* clients at once; each costs a descriptor and about 1 KiB when idle; TCP gets 7 of 8 */
    LIMIT_CONNS = 4096,
    /* bytes queued to one client before its upstream is paused, and resumed */
    LIMIT_OUT_HIGH = 256 * 1024,
    LIMIT_OUT_LOW = 64 * 1024,
    /* bytes of pipelined requests kept while one is answered; what is over ends the connection */
    LIMIT_PIPELINE = 64 * 1024,
    /* seconds from the first byte of a head to its last: slow senders hold descriptors */
    LIMIT_HEAD_S = 10,
    /* seconds for a body, plus what it takes at so many bytes a second: a slow mobile uplink */
    LIMIT_BODY_S = 30,
    LIMIT_BODY_RATE = 32 * 1024,
    /* seconds a TCP client may be idle between requests: nginx's keepalive_timeout */
    LIMIT_IDLE_S = 75,
    /* seconds in which the rest of an ended answer must be taken */
    LIMIT_STALL_S = 600,
    /* seconds to wait for the client's close, so that a reset does not destroy our last words */
    LIMIT_LINGER_S = 1,
    /* bytes; Unix socket paths, from sun_path */
    LIMIT_SOCK_PATH = 107,
    /* bytes of a configuration file, of one line in it, and of included files' depth */
    LIMIT_CONF_LEN = 4 * 1024 * 1024,
    LIMIT_CONF_LINE = 64 * 1024,
    LIMIT_CONF_DEPTH = 10,
    /* bytes of a catalog file (ours has 0.2 MiB), and of all that is kept of one */
    LIMIT_CATALOG_LEN = 8 * 1024 * 1024,
    LIMIT_CATALOG_MEMORY = 64 * 1024 * 1024,
    /* tokens of a model's window and of its output: times choices and prices they must fit into
     * 64 bits; conf_schema.c says it in words */
    LIMIT_MODEL_TOK = 1000 * 1000 * 1000,
    /* targets in a route, attempts in one request: a bound on any retry loop */
    LIMIT_TARGETS = 64,
    LIMIT_ATTEMPTS = 16,
    /* of a target in a weighted draw; the sum of LIMIT_TARGETS of them is far from 2⁶⁴ */
    LIMIT_WEIGHT = 1000000,
    /* targets with a health and counts of their own, of 0.8 KiB: clients may invent names */
    LIMIT_TARGET_STATES = 1024,
    /* what is remembered of requests that are alike, of 24 bytes each: how long answers to a
     * template are, by target, and which prompt cache holds whose beginning */
    LIMIT_HABIT_ANSWERS = 1024,
    LIMIT_HABIT_CACHES = 4096,
    /* of scores in the ledger: the latest that count, 20 ms of the writer thread, and targets of
     * them, of 0.4 KiB each */
    LIMIT_SCORES_READ = 20000,
    LIMIT_SCORED_TARGETS = 256,
    /* bytes of the names users give: route, project, template, tag key and value */
    LIMIT_NAME_LEN = 200,
    LIMIT_TAGS = 16,
    /* keys that a client may bring with a request, and their bytes: half of LIMIT_HEAD_LEN */
    LIMIT_CLIENT_KEYS = 16,
    LIMIT_CLIENT_KEYS_LEN = 8 * 1024,
    /* bytes of JSON; what `replay` says of a run at a time: one record of the spool */
    LIMIT_RUN_LEN = 64 * 1024,
    /* URLs fetched for one request (Bedrock takes 20 images), bytes of all of them (Gemini takes
     * 20 MB in a request), and seconds until all must have come */
    LIMIT_FETCHES = 20,
    LIMIT_FETCH_LEN = 20 * 1024 * 1024,
    LIMIT_FETCH_S = 20,
    /* requests waiting for a limiter at once */
    LIMIT_QUEUE = 1024,
    /* bytes of the spool file: about 60,000 rows while the database is away */
    LIMIT_SPOOL_LEN = 64 * 1024 * 1024,
    /* bytes of bodies on their way to the writer thread */
    LIMIT_BODY_QUEUE = 32 * 1024 * 1024,
    /* bytes of kept signatures (of 1 to 4 KiB each), and seconds since they were last used */
    LIMIT_SIGNATURES_LEN = 8 * 1024 * 1024,
    LIMIT_SIGNATURES_S = 24 * 60 * 60,
    /* bytes of one diagnostic text */
    LIMIT_ERR_TEXT = 512,
};

#endif
