/*
 * sim_bedrock.c: Amazon Bedrock's Converse and ConverseStream as the vendor describes them, both
 * ways: binary messages with their checksums, and signatures checked as the vendor would.
 *
 * A signed request's key must be "AKIDSIM" with the secret "sim-secret"; any bearer token will do.
 *
 * Sources: botocore bedrock-runtime service model 2023-09-30, of 2026-08-07; smithy.io, Amazon
 * Event Stream; AWS general reference, Signature Version 4; RFC 2104 for HMAC.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/jsonx.h"
#include "core/sha256.h"

#include "tests/sim/sim.h"

enum {
    IMAGE_TOK = 1600,
    MESSAGE_TOK = 3,
    STOPS_MAX = 2500,
    IMAGES_MAX = 20,
    FILES_MAX = 5,
    NAME_MAX_LEN = 64,
    HMAC_BLOCK = 64,
};

static bool bad(struct fault *f, const char *message)
{
    fault_invalid(f, "ValidationException", NULL, NULL, message);
    return false;
}

/* ---- the URL ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* …/model/ID/converse or converse-stream; the id percent-encoded, in one piece. */
static void bedrock_place(struct ask *ask, const struct http1_head *h)
{
    struct buf model = BUF_INIT(LIMIT_HEAD_LEN);
    size_t to = h->path.len, from;
    while (to > 0 && h->path.ptr[to - 1] != '/')
        to--;
    to = to > 0 ? to - 1 : 0;
    for (from = to; from > 0 && h->path.ptr[from - 1] != '/';)
        from--;
    struct str raw = str_sub(h->path, from, to - from);
    for (size_t i = 0; i < raw.len; i++) {
        bool is_code = raw.ptr[i] == '%' && i + 2 < raw.len && hex(raw.ptr[i + 1]) >= 0 &&
                       hex(raw.ptr[i + 2]) >= 0;
        buf_addc(&model, is_code ? (char)(hex(raw.ptr[i + 1]) * 16 + hex(raw.ptr[i + 2]))
                                 : raw.ptr[i]);
        i += is_code ? 2 : 0;
    }
    ask->model = arena_str(ask->arena, buf_str(&model));
    ask->stream = str_ends(h->path, STR("/converse-stream"));
    buf_release(&model);
}

/* ---- signatures ---- */

static void hmac(struct str key, struct str text, uint8_t out[SHA256_LEN])
{
    char inner[HMAC_BLOCK] = {0}, outer[HMAC_BLOCK];
    struct buf b = BUF_INIT(LIMIT_HEAD_LEN * 4);
    memcpy(inner, key.ptr, MIN(key.len, sizeof inner)); /* no key here is longer */
    for (size_t i = 0; i < sizeof inner; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] = inner[i] ^ 0x36;
    }
    buf_adds(&b, (struct str){inner, sizeof inner});
    buf_adds(&b, text);
    sha256(buf_str(&b), out);
    buf_reset(&b);
    buf_adds(&b, (struct str){outer, sizeof outer});
    buf_adds(&b, (struct str){(const char *)out, SHA256_LEN});
    sha256(buf_str(&b), out);
    buf_release(&b);
}

static struct str between(struct str text, const char *before, const char *ends)
{
    size_t at = str_search(text, str_of(before));
    if (at == text.len)
        return STR_NONE;
    struct str rest = str_sub(text, at + strlen(before), text.len);
    size_t len = 0;
    while (len < rest.len && strchr(ends, rest.ptr[len]) == NULL)
        len++;
    return str_sub(rest, 0, len);
}

/* The path as it came, encoded once more: all but letters, digits, -._~ and the slash. */
static void write_path(struct str path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("-._~/", c) != NULL;
        if (is_plain)
            buf_addc(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

static void write_canonical(const struct http1_head *h, struct str names, struct buf *out)
{
    struct str rest = names, name;
    buf_printf(out, "%.*s\n", STR_ARG(h->method));
    write_path(h->path, out);
    buf_printf(out, "\n%.*s\n", STR_ARG(h->query));
    while (str_split(&rest, ';', &name)) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", STR_ARG(name));
        buf_printf(out, "%s:%.*s\n", text, STR_ARG(http1_header(h, text)));
    }
    buf_printf(out, "\n%.*s\n%.*s", STR_ARG(names),
               STR_ARG(http1_header(h, "x-amz-content-sha256")));
}

/* The signature that the request should have; scope is DAY/REGION/SERVICE/aws4_request. */
static void sign(const struct http1_head *h, struct str names, struct str scope,
                 char out[SHA256_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    struct buf text = BUF_INIT(LIMIT_HEAD_LEN * 2),
               canonical = BUF_INIT(LIMIT_HEAD_LEN * 2);
    char hash[SHA256_HEX_LEN + 1];
    uint8_t key[SHA256_LEN];
    struct str part, rest = scope, last = STR("AWS4sim-secret");
    write_canonical(h, names, &canonical);
    sha256_hex(buf_str(&canonical), hash);
    buf_printf(&text, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%s",
               STR_ARG(http1_header(h, "x-amz-date")), STR_ARG(scope), hash);
    while (str_split(&rest, '/', &part)) {
        hmac(last, part, key);
        last = (struct str){(const char *)key, SHA256_LEN};
    }
    hmac(last, buf_str(&text), key);
    for (size_t i = 0; i < SHA256_LEN; i++) {
        out[2 * i] = digits[key[i] >> 4];
        out[2 * i + 1] = digits[key[i] & 15];
    }
    out[SHA256_HEX_LEN] = '\0';
    buf_release(&text);
    buf_release(&canonical);
}

static bool refuse(struct fault *f, const char *type, const char *message)
{
    fault_invalid(f, type, NULL, NULL, message);
    f->status = 403;
    return false;
}

static bool check_signature(const struct http1_head *h, struct str auth, struct fault *f)
{
    char want[SHA256_HEX_LEN + 1];
    struct str credential = between(auth, "Credential=", ", ");
    struct str names = between(auth, "SignedHeaders=", ", ");
    struct str signature = between(auth, "Signature=", ", ");
    size_t slash = str_find(credential, '/');
    struct str scope = str_sub(credential, slash + 1, credential.len);
    if (!str_eqz(str_sub(credential, 0, slash), "AKIDSIM"))
        return refuse(f, "UnrecognizedClientException",
                      "The security token included in the request is invalid.");
    if (!str_ends(scope, STR("/bedrock/aws4_request")) ||
        !str_contains(names, STR("host")) ||
        !str_contains(names, STR("x-amz-content-sha256")))
        return refuse(f, "InvalidSignatureException",
                      "Credential should be scoped to correct service: 'bedrock'.");
    if (http1_header(h, "x-amz-security-token").len > 0 &&
        !str_contains(names, STR("x-amz-security-token")))
        return refuse(f, "InvalidSignatureException",
                      "The session token must be signed.");
    sign(h, names, scope, want);
    return str_eqz(signature, want) ||
           refuse(f, "InvalidSignatureException",
                  "The request signature we calculated does not match the signature you "
                  "provided.");
}

static bool check_head(const struct http1_head *h, struct fault *f)
{
    struct str auth = http1_header(h, "authorization");
    if (str_starts(auth, STR("AWS4-HMAC-SHA256 ")))
        return check_signature(h, auth, f);
    return str_starts(auth, STR("Bearer ")) ||
           refuse(f, "AccessDeniedException", "Missing Authentication Token");
}

/* ---- reading ---- */

static const char *const known_fields[] = {
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "serviceTier",
    "requestMetadata",
    "promptVariables",
    NULL,
};
static const char *const known_inference[] = {"maxTokens", "temperature", "topP",
                                              "stopSequences", NULL};
static const char *const known_blocks[] = {
    "text",       "image",        "document",         "video",
    "audio",      "toolUse",      "toolResult",       "reasoningContent",
    "cachePoint", "guardContent", "citationsContent", "searchResult",
    NULL,
};

static bool is_known(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool check_fields(const struct ask *ask, struct json_object *o,
                         const char *const *names, struct fault *f)
{
    struct json_object_iter it;
    if (o == NULL)
        return true;
    json_object_object_foreachC(o, it)
    {
        if (!is_known(names, it.key))
            return bad(f, arena_printf(ask->arena,
                                       "Malformed input request: extraneous "
                                       "key [%s] is not permitted",
                                       it.key));
    }
    return true;
}

static bool is_name(struct str s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= max;
}

static bool has_bytes(struct json_object *media, const char *formats)
{
    char format[16];
    struct str s = jx_str(media, "format");
    snprintf(format, sizeof format, "|%.*s|", STR_ARG(s));
    return s.len > 0 && strstr(formats, format) != NULL &&
           jx_str(jx_obj(media, "source"), "bytes").len > 0;
}

static bool check_result(struct json_object *result, struct buf *text, struct fault *f)
{
    struct json_object *content = jx_arr(result, "content");
    size_t n = content ? json_object_array_length(content) : 0;
    for (size_t i = 0; i < n; i++)
        buf_adds(text, jx_str(json_object_array_get_idx(content, i), "text"));
    return (n > 0 && is_name(jx_str(result, "toolUseId"), NAME_MAX_LEN)) ||
           bad(f, "messages: a toolResult needs a toolUseId and content");
}

/* A union: one key, but for none. */
static bool read_block(struct ask *ask, struct json_object *block, struct buf *text,
                       struct fault *f)
{
    struct json_object *call = jx_obj(block, "toolUse");
    struct json_object *result = jx_obj(block, "toolResult");
    struct json_object *image = jx_obj(block, "image");
    struct json_object *file = jx_obj(block, "document");
    struct str s = jx_str(block, "text");
    if (block == NULL || !json_object_is_type(block, json_type_object) ||
        json_object_object_length(block) != 1 ||
        !check_fields(ask, block, known_blocks, f))
        return bad(f, "messages: each content block must be exactly one thing");
    if (jx_get(block, "text") != NULL && s.len == 0)
        return bad(f, "The text field in the ContentBlock object is blank.");
    buf_adds(text, s);
    if (call != NULL && (!is_name(jx_str(call, "name"), NAME_MAX_LEN) ||
                         !is_name(jx_str(call, "toolUseId"), NAME_MAX_LEN) ||
                         jx_obj(call, "input") == NULL))
        return bad(f,
                   "messages: a toolUse needs toolUseId, name and an object for input");
    if (result != NULL)
        return check_result(result, text, f);
    if (image != NULL && !has_bytes(image, "|png|jpeg|gif|webp|"))
        return bad(f, "messages: an image needs a format and bytes");
    if (file != NULL && (!has_bytes(file, "|pdf|csv|doc|docx|xls|xlsx|html|txt|md|") ||
                         jx_str(file, "name").len == 0))
        return bad(f, "messages: a document needs a format, a name and bytes");
    ask->prompt_tok += image != NULL || file != NULL ? IMAGE_TOK : 0;
    ask->n_images += image != NULL;
    ask->n_files += file != NULL;
    if (ask->n_images > IMAGES_MAX || ask->n_files > FILES_MAX)
        return bad(f, "too many images and documents in request");
    return true;
}

static size_t count_blocks(struct json_object *message, const char *kind)
{
    struct json_object *content = jx_arr(message, "content");
    size_t n = 0;
    for (size_t i = 0; content != NULL && i < json_object_array_length(content); i++)
        n += jx_obj(json_object_array_get_idx(content, i), kind) != NULL;
    return n;
}

static bool has_call(struct json_object *message, struct str id)
{
    struct json_object *content = jx_arr(message, "content");
    for (size_t i = 0; content != NULL && i < json_object_array_length(content); i++)
        if (str_eq(jx_str(jx_obj(json_object_array_get_idx(content, i), "toolUse"),
                          "toolUseId"),
                   id))
            return true;
    return false;
}

static bool check_results(struct json_object *prev, struct json_object *message,
                          struct fault *f)
{
    struct json_object *content = jx_arr(message, "content");
    size_t n_calls = prev != NULL ? count_blocks(prev, "toolUse") : 0;
    for (size_t i = 0; i < json_object_array_length(content); i++) {
        struct json_object *result =
            jx_obj(json_object_array_get_idx(content, i), "toolResult");
        if (result != NULL &&
            (prev == NULL || !has_call(prev, jx_str(result, "toolUseId"))))
            return bad(f, "The number of toolResult blocks exceeds the number of toolUse "
                          "blocks of previous turn.");
    }
    return count_blocks(message, "toolResult") >= n_calls ||
           bad(f,
               "Expected toolResult blocks for all toolUse blocks of the turn before.");
}

static bool read_message(struct ask *ask, struct json_object *messages, size_t at,
                         struct fault *f)
{
    struct json_object *m = json_object_array_get_idx(messages, at);
    struct json_object *prev =
        at > 0 ? json_object_array_get_idx(messages, at - 1) : NULL;
    struct json_object *content = jx_arr(m, "content");
    struct str role = jx_str(m, "role");
    bool is_user = str_eqz(role, "user");
    size_t n = content ? json_object_array_length(content) : 0;
    if ((!is_user && !str_eqz(role, "assistant")) || n == 0)
        return bad(f, "messages: a message needs a role and content");
    if ((at == 0 && !is_user) || str_eq(role, jx_str(prev, "role")))
        return bad(f, "A conversation must start with a user message and alternate.");
    if (is_user && !check_results(prev, m, f))
        return false;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < n; i++)
        if (!read_block(ask, json_object_array_get_idx(content, i), &text, f))
            return false;
    ask->prompt_tok += MESSAGE_TOK + text_cost(text.len);
    if (is_user)
        ask->prompt = arena_str(ask->arena, buf_str(&text));
    else if (at + 1 == json_object_array_length(messages))
        ask->prefill = arena_str(ask->arena, buf_str(&text));
    return true;
}

static bool read_messages(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object *messages = jx_arr(ask->body, "messages");
    size_t n = messages ? json_object_array_length(messages) : 0;
    if (n == 0)
        return bad(f, "messages: at least one is needed");
    for (size_t i = 0; i < n; i++)
        if (!read_message(ask, messages, i, f))
            return false;
    return !p->no_prefill || ask->prefill.len == 0 ||
           bad(f,
               "This model does not support assistant message prefill. The conversation "
               "must end with a user message.");
}

static bool read_system(struct ask *ask, struct fault *f)
{
    struct json_object *system = jx_arr(ask->body, "system");
    size_t n = system ? json_object_array_length(system) : 0;
    AUTO(buf_release) struct buf text = BUF_INIT(LIMIT_BODY_LEN);
    for (size_t i = 0; i < n; i++)
        if (!read_block(ask, json_object_array_get_idx(system, i), &text, f))
            return false;
    ask->prompt_tok += n > 0 ? MESSAGE_TOK + text_cost(text.len) : 0;
    return true;
}

static bool has_tool_blocks(struct json_object *messages)
{
    for (size_t i = 0; i < json_object_array_length(messages); i++) {
        struct json_object *m = json_object_array_get_idx(messages, i);
        if (count_blocks(m, "toolUse") + count_blocks(m, "toolResult") > 0)
            return true;
    }
    return false;
}

static bool read_choice(struct ask *ask, struct json_object *choice, struct fault *f)
{
    struct str name = jx_str(jx_obj(choice, "tool"), "name");
    if (choice == NULL)
        return true;
    if (json_object_object_length(choice) != 1 ||
        (jx_obj(choice, "auto") == NULL && jx_obj(choice, "any") == NULL &&
         name.len == 0))
        return bad(f, "toolConfig.toolChoice is one of auto, any and tool");
    ask->tool_forced = jx_obj(choice, "auto") == NULL;
    for (size_t i = 0; name.len > 0 && i < ask->n_tools; i++)
        if (str_eq(ask->tools[i].name, name)) {
            ask->tools[0] = ask->tools[i];
            ask->n_tools = 1;
        }
    return true;
}

static bool read_tools(struct ask *ask, struct fault *f)
{
    struct json_object *config = jx_obj(ask->body, "toolConfig");
    struct json_object *tools = jx_arr(config, "tools");
    size_t n = tools ? json_object_array_length(tools) : 0;
    if (config == NULL)
        return !has_tool_blocks(jx_arr(ask->body, "messages")) ||
               bad(f, "The toolConfig field must be defined when using toolUse and "
                      "toolResult content blocks.");
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(tools, i);
        struct json_object *spec = jx_obj(one, "toolSpec");
        struct json_object *schema = jx_obj(jx_obj(spec, "inputSchema"), "json");
        if (jx_obj(one, "cachePoint") != NULL)
            continue;
        if (!is_name(jx_str(spec, "name"), NAME_MAX_LEN) || schema == NULL)
            return bad(f, "toolConfig.tools: a tool needs a name and an inputSchema");
        if (ask->n_tools < SIM_TOOLS)
            ask->tools[ask->n_tools++] = (struct sim_tool){jx_str(spec, "name"), schema};
    }
    if (ask->n_tools == 0)
        return bad(f, "toolConfig.tools: at least one is needed");
    return read_choice(ask, jx_obj(config, "toolChoice"), f);
}

/* "…claude-opus-4-5…", and older ones; what is newer samples as it likes. */
static bool is_sampled(const struct ask *ask)
{
    static const char *const old[] = {"claude-3", "-4-0", "-4-1",     "-4-5",
                                      "-4-6",     "-4-2", "claude-v2"};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++)
        if (str_contains(ask->model, str_of(old[i])))
            return true;
    return !str_contains(ask->model, STR("anthropic.claude"));
}

static bool read_inference(struct ask *ask, const struct plan *p, struct fault *f)
{
    struct json_object *config = jx_obj(ask->body, "inferenceConfig");
    struct json_object *fields = jx_obj(ask->body, "additionalModelRequestFields");
    struct json_object *stops = jx_arr(config, "stopSequences");
    bool samples = config != NULL &&
                   (json_object_object_get_ex(config, "temperature", NULL) ||
                    json_object_object_get_ex(config, "topP", NULL) ||
                    (fields != NULL && json_object_object_get_ex(fields, "top_k", NULL)));
    if (samples && !is_sampled(ask))
        return bad(f,
                   "`temperature`, `top_p` and `top_k` are deprecated for this model.");
    if (!p->lax && !check_fields(ask, config, known_inference, f))
        return false;
    if (stops != NULL && json_object_array_length(stops) > STOPS_MAX)
        return bad(f, "inferenceConfig.stopSequences: too many");
    return config == NULL || !json_object_object_get_ex(config, "maxTokens", NULL) ||
           jx_i64(config, "maxTokens", 1, INT32_MAX, &ask->max_tok) ||
           bad(f, "inferenceConfig.maxTokens must be at least 1");
}

static bool read_output(struct ask *ask, struct json_object **ret_schema, struct fault *f)
{
    struct json_object *format = jx_obj(jx_obj(ask->body, "outputConfig"), "textFormat");
    struct json_object *schema = jx_obj(jx_obj(format, "structure"), "jsonSchema");
    struct err e = ERR_INIT;
    if (format == NULL)
        return true;
    if (!str_eqz(jx_str(format, "type"), "json_schema") ||
        jx_parse(jx_str(schema, "schema"), ret_schema, &e) != ERR_OK)
        return bad(f, "outputConfig.textFormat: the schema must be JSON in a string");
    ask->json = true;
    ask->schema = *ret_schema;
    return true;
}

/* Claude thinks when it is told to; others always. */
static void read_thinking(struct ask *ask)
{
    struct json_object *fields = jx_obj(ask->body, "additionalModelRequestFields");
    struct str type = jx_str(jx_obj(fields, "thinking"), "type");
    bool is_claude = str_contains(ask->model, STR("claude"));
    ask->want_reasoning =
        !is_claude || str_eqz(type, "enabled") || str_eqz(type, "adaptive");
}

/* The prompt of a Converse request, two objects deep; only of models that can be counted for. */
static bool read_counted(struct ask *ask, struct fault *f)
{
    static const char *const known[] = {"messages", "system", "toolConfig",
                                        "additionalModelRequestFields", NULL};
    struct json_object *converse = jx_obj(jx_obj(ask->body, "input"), "converse");
    if (!str_starts(ask->model, STR("anthropic.")) &&
        !str_starts(ask->model, STR("arn:")))
        return bad(f, "The provided model doesn't support counting tokens.");
    if (converse == NULL || !check_fields(ask, converse, known, f))
        return bad(f, "input: converse or invokeModel is needed");
    ask->body = converse;
    return true;
}

/* Claude's own way to have one call at a time. */
static void read_single(struct ask *ask)
{
    struct json_object *choice =
        jx_obj(jx_obj(ask->body, "additionalModelRequestFields"), "tool_choice");
    ask->one_tool = jx_bool(choice, "disable_parallel_tool_use", false);
    ask->tool_forced |= choice != NULL && !str_eqz(jx_str(choice, "type"), "auto");
}

static bool bedrock_read(struct ask *ask, const struct http1_head *h,
                         const struct plan *p, struct fault *f)
{
    ask->n_choices = 1;
    if (!check_head(h, f) || (ask->count_only && !read_counted(ask, f)) ||
        (!p->lax && !check_fields(ask, ask->body, known_fields, f)))
        return false;
    read_thinking(ask);
    struct json_object *schema = NULL;
    bool ok = read_output(ask, &schema, f);
    if (schema != NULL) /* it lives as long as the body */
        json_object_object_add(ask->body, "sim-schema", schema);
    ok = ok && read_inference(ask, p, f) && read_system(ask, f) &&
         read_messages(ask, p, f) && read_tools(ask, f);
    read_single(ask);
    return ok;
}

/* ---- messages of a stream ---- */

/* CRC-32, bit by bit. */
static uint32_t crc32_of(struct str s)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < s.len; i++) {
        crc ^= (unsigned char)s.ptr[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void add_u32(struct buf *out, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_addc(out, (char)(v >> shift & 0xff));
}

/* A header whose value is a string. */
static void add_head(struct buf *out, const char *name, const char *value)
{
    size_t len = strlen(value);
    buf_addc(out, (char)strlen(name));
    buf_addz(out, name);
    buf_addc(out, 7);
    buf_addc(out, (char)(len >> 8));
    buf_addc(out, (char)(len & 0xff));
    buf_addz(out, value);
}

static void write_framed(const char *kind, const char *type_head, const char *type,
                         struct str payload, struct buf *out)
{
    struct buf heads = BUF_INIT(LIMIT_HEAD_LEN), m = BUF_INIT(2 * LIMIT_REPLY_LEN);
    add_head(&heads, type_head, type);
    add_head(&heads, ":content-type", "application/json");
    add_head(&heads, ":message-type", kind);
    add_u32(&m, (uint32_t)(16 + heads.len + payload.len));
    add_u32(&m, (uint32_t)heads.len);
    add_u32(&m, crc32_of(buf_str(&m)));
    buf_adds(&m, buf_str(&heads));
    buf_adds(&m, payload);
    add_u32(&m, crc32_of(buf_str(&m)));
    buf_adds(out, buf_str(&m));
    buf_release(&heads);
    buf_release(&m);
}

/* An event whose payload is in `b`, padded by chance; releases it. */
static void send(const char *type, struct buf *b, struct buf *out)
{
    buf_printf(b, ",\"p\":\"%.*s\"}", (int)(text_mix(b->len) % 26),
               "abcdefghijklmnopqrstuvwxyz");
    write_framed("event", ":event-type", type, buf_str(b), out);
    buf_release(b);
}

/* ---- writing ---- */

/* What was asked for beside the answer: here, at which sequence it stopped. */
static void write_fields(const struct answer *a, struct buf *out)
{
    struct json_object *paths = jx_arr(a->ask->body, "additionalModelResponseFieldPaths");
    struct json_object *stops =
        jx_arr(jx_obj(a->ask->body, "inferenceConfig"), "stopSequences");
    if (paths == NULL || stops == NULL || strcmp(a->finish, "stop_sequence") != 0 ||
        !str_eqz(jx_text(json_object_array_get_idx(paths, 0)), "/stop_sequence"))
        return;
    buf_addz(out, ",\"additionalModelResponseFields\":{\"stop_sequence\":");
    json_quote(out, jx_text(json_object_array_get_idx(stops, 0)));
    buf_addc(out, '}');
}

static const char *finish_word(const struct answer *a)
{
    static const char *const rows[][2] = {{"stop", "end_turn"},
                                          {"length", "max_tokens"},
                                          {"tools", "tool_use"},
                                          {"filter", "content_filtered"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(a->finish, rows[i][0]) == 0)
            return rows[i][1];
    return a->finish;
}

/*
 * Input counts exclude what the cache read and wrote, but for what OpenAI's models wrote while they
 * streamed, as it was measured (github.com/maximhq/bifrost, issue 6942); reasoning is inside the
 * output.
 */
static void write_usage(const struct answer *a, struct buf *out)
{
    const struct sim_usage *u = &a->usage;
    int64_t written = u->written_5m + u->written_1h;
    bool is_inside = a->ask->stream && str_starts(a->ask->model, STR("openai."));
    int64_t twice = is_inside ? written : 0;
    buf_printf(out,
               "{\"inputTokens\":%" PRId64 ",\"outputTokens\":%" PRId64
               ",\"totalTokens\":%" PRId64,
               MAX(u->prompt - u->cached - written, 0) + twice, u->output,
               u->prompt + twice + u->output + answer_odd(a));
    if (a->plan->usage == USAGE_FULL)
        buf_printf(out,
                   ",\"cacheReadInputTokens\":%" PRId64
                   ",\"cacheWriteInputTokens\":%" PRId64,
                   u->cached, written);
    if (a->plan->usage == USAGE_FULL && u->written_1h > 0)
        buf_printf(out,
                   ",\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":%" PRId64 "}]",
                   u->written_1h);
    buf_addc(out, '}');
}

static void write_id(const struct part *part, struct buf *out)
{
    buf_printf(out, "\"toolUseId\":\"tooluse_%012" PRIx64 "\",\"name\":",
               part->id & 0xffffffffffff);
    json_quote(out, part->name);
}

static void send_delta(const struct event *ev, const char *before, struct str text,
                       const char *after, struct buf *out)
{
    struct buf b = BUF_INIT(2 * LIMIT_REPLY_LEN);
    buf_printf(&b, "{\"contentBlockIndex\":%zu,\"delta\":%s", ev->block, before);
    json_quote(&b, text);
    buf_addz(&b, after);
    send("contentBlockDelta", &b, out);
}

/* Only a call has a start of its own. */
static void write_piece(const struct event *ev, struct buf *out)
{
    struct buf b = BUF_INIT(LIMIT_REPLY_LEN);
    char signature[32];
    snprintf(signature, sizeof signature, "Sig%016" PRIx64 "==", ev->part->id);
    switch (ev->part->kind) {
    case PART_REASONING:
        send_delta(ev, "{\"reasoningContent\":{\"text\":", ev->text, "}}", out);
        if (ev->last)
            send_delta(ev, "{\"reasoningContent\":{\"signature\":", str_of(signature),
                       "}}", out);
        break;
    case PART_TEXT:
        send_delta(ev, "{\"text\":", ev->text, "}", out);
        break;
    case PART_TOOL:
        if (ev->first) {
            buf_printf(&b, "{\"contentBlockIndex\":%zu,\"start\":{\"toolUse\":{",
                       ev->block);
            write_id(ev->part, &b);
            buf_addz(&b, "}}");
            send("contentBlockStart", &b, out);
        }
        send_delta(ev, "{\"toolUse\":{\"input\":", ev->text, "}}", out);
        break;
    }
    if (ev->last) {
        buf_printf(&b, "{\"contentBlockIndex\":%zu", ev->block);
        send("contentBlockStop", &b, out);
    }
}

static void bedrock_event(struct answer *a, const struct event *ev, struct buf *out)
{
    struct buf b = BUF_INIT(LIMIT_REPLY_LEN);
    switch (ev->kind) {
    case EV_START:
        buf_addz(&b, "{\"role\":\"assistant\"");
        send("messageStart", &b, out);
        return;
    case EV_COMMENT:
        return; /* there is no sign of life */
    case EV_PIECE:
        write_piece(ev, out);
        return;
    case EV_FINISH:
        buf_addz(&b, "{\"stopReason\":");
        json_quote(&b, str_of(finish_word(a)));
        write_fields(a, &b);
        send("messageStop", &b, out);
        return;
    case EV_USAGE:
        if (a->plan->usage == USAGE_NONE || a->plan->usage == USAGE_NULL)
            return;
        buf_addz(&b, "{\"usage\":");
        write_usage(a, &b);
        buf_addz(&b, ",\"metrics\":{\"latencyMs\":7}");
        send("metadata", &b, out);
        return;
    case EV_END:
        return; /* the end is the end of the body */
    }
}

static void write_block(const struct part *part, struct buf *out)
{
    switch (part->kind) {
    case PART_REASONING:
        buf_addz(out, "{\"reasoningContent\":{\"reasoningText\":{\"text\":");
        json_quote(out, part->text);
        buf_printf(out, ",\"signature\":\"Sig%016" PRIx64 "==\"}}}", part->id);
        break;
    case PART_TEXT:
        buf_addz(out, "{\"text\":");
        json_quote(out, part->text);
        buf_addc(out, '}');
        break;
    case PART_TOOL:
        buf_addz(out, "{\"toolUse\":{");
        write_id(part, out);
        buf_printf(out, ",\"input\":%.*s}}", STR_ARG(part->text));
        break;
    }
}

static void bedrock_whole(struct answer *a, struct buf *out)
{
    buf_addz(out, "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[");
    for (size_t i = 0; i < a->n_parts; i++) {
        buf_addz(out, i > 0 ? "," : "");
        write_block(&a->parts[i], out);
    }
    buf_addz(out, "]}}");
    if (!a->plan->no_finish) {
        buf_addz(out, ",\"stopReason\":");
        json_quote(out, str_of(finish_word(a)));
        write_fields(a, out);
    }
    if (a->plan->usage != USAGE_NONE && a->plan->usage != USAGE_NULL) {
        buf_addz(out, ",\"usage\":");
        write_usage(a, out);
    }
    buf_addz(out, ",\"metrics\":{\"latencyMs\":7}}");
}

static void bedrock_error(const struct fault *f, uint64_t id, struct buf *out)
{
    (void)id;
    buf_addz(out, "{\"message\":");
    json_quote(out, str_of(f->message));
    buf_addc(out, '}');
}

/* The same inside a stream, under its name in small letters at the beginning. */
static void bedrock_in_band(const struct fault *f, uint64_t id, struct buf *out)
{
    struct buf b = BUF_INIT(LIMIT_REPLY_LEN);
    char name[64];
    snprintf(name, sizeof name, "%s",
             f->type != NULL ? f->type : "InternalServerException");
    name[0] = (char)(name[0] | 0x20);
    bedrock_error(f, id, &b);
    write_framed("exception", ":exception-type", name, buf_str(&b), out);
    buf_release(&b);
}

/* A message that is whole, of a payload that is not. */
static void bedrock_garble(struct buf *out)
{
    write_framed("event", ":event-type", "contentBlockDelta",
                 STR("{\"contentBlockIndex\":0,\"del"), out);
}

static void bedrock_headers(const struct plan *p, uint64_t id, int64_t wall_us,
                            struct buf *out)
{
    (void)p; /* it announces no limits */
    (void)wall_us;
    http1_printf_header(out, "x-amzn-requestid",
                        "%08" PRIx32 "-0000-4000-8000-%012" PRIx64, (uint32_t)(id >> 32),
                        id & 0xffffffffffff);
}

static void bedrock_error_headers(const char *type, struct buf *out)
{
    http1_printf_header(out, "x-amzn-errortype", "%s:http://internal.amazon.com/coral/",
                        type);
}

static void bedrock_models(struct buf *out)
{
    buf_addz(out, "{\"modelSummaries\":[]}");
}

static void bedrock_count(int64_t n, struct buf *out)
{
    buf_printf(out, "{\"inputTokens\":%" PRId64 "}", n);
}

const struct sim_dialect sim_bedrock = {
    .name = "bedrock",
    .shape = SIM_BEDROCK,
    .stream_type = "application/vnd.amazon.eventstream",
    .place = bedrock_place,
    .read = bedrock_read,
    .event = bedrock_event,
    .whole = bedrock_whole,
    .error = bedrock_error,
    .in_band = bedrock_in_band,
    .garble = bedrock_garble,
    .headers = bedrock_headers,
    .error_headers = bedrock_error_headers,
    .models = bedrock_models,
    .count = bedrock_count,
};
