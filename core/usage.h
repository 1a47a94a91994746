/*
 * usage.h: what a request used, in disjoint classes. Unknown is not zero.
 *
 * Providers count the same tokens in different places (cached inside or outside the prompt,
 * reasoning inside or outside the output); usage_parse is where each way becomes this one.
 */
#ifndef CORE_USAGE_H
#define CORE_USAGE_H

#include "core/buf.h"

/*
 * X(enum suffix, name). Names are the catalog's price components and the ledger's columns.
 * All token classes are disjoint. OUTPUT is visible text and tool calls, without REASONING.
 */
#define USAGE_CLASSES(X)                                                                 \
    X(INPUT, "input")                                                                    \
    X(CACHE_READ, "cache_read")                                                          \
    X(CACHE_WRITE_5M, "cache_write_5m")                                                  \
    X(CACHE_WRITE_30M, "cache_write_30m")                                                \
    X(CACHE_WRITE_1H, "cache_write_1h")                                                  \
    X(CACHE_WRITE_12H, "cache_write_12h")                                                \
    X(OUTPUT, "output")                                                                  \
    X(REASONING, "reasoning")                                                            \
    X(CITATION, "citation")                                                              \
    X(AUDIO_IN, "audio_in")                                                              \
    X(AUDIO_CACHE_READ, "audio_cache_read")                                              \
    X(AUDIO_OUT, "audio_out")                                                            \
    X(IMAGE_IN, "image_in")                                                              \
    X(IMAGE_CACHE_READ, "image_cache_read")                                              \
    X(IMAGE_OUT, "image_out")                                                            \
    X(VIDEO_IN, "video_in")                                                              \
    X(CACHE_STORAGE_S, "cache_storage_s")                                                \
    X(WEB_SEARCH, "web_search")                                                          \
    X(FILE_SEARCH, "file_search")                                                        \
    X(X_SEARCH, "x_search")                                                              \
    X(CODE_EXECUTION, "code_execution")                                                  \
    X(ATTACHMENT_SEARCH, "attachment_search")                                            \
    X(COLLECTIONS_SEARCH, "collections_search")                                          \
    X(SEARCH_QUERY, "search_query")                                                      \
    X(SEARCH_UNIT, "search_unit")                                                        \
    X(GROUNDING_QUERY, "grounding_query")                                                \
    X(GROUNDED_REQUEST, "grounded_request")                                              \
    X(PAGE, "page")                                                                      \
    X(ANNOTATED_PAGE, "annotated_page")                                                  \
    X(CHARACTER, "character")                                                            \
    X(CHARACTER_OUT, "character_out")                                                    \
    X(AUDIO_MS, "audio_ms")

/* CACHE_STORAGE_S counts tokens times seconds; classes from WEB_SEARCH on count no tokens. */
enum usage_class {
#define USAGE_ENUM(e, name) USAGE_##e,
    USAGE_CLASSES(USAGE_ENUM)
#undef USAGE_ENUM
        USAGE_N_
};

struct usage {
    int64_t n[USAGE_N_]; /* 0 where not known */
    uint32_t known;      /* bit per class */
    bool estimated;      /* counted by us, not told by the provider */
    /* Qwen: the cache was asked for by marks, which is priced apart */
    bool explicit_cache;
    int64_t reported_pico; /* the provider's own price, PICO_UNKNOWN (money.h) if none */
};

/*
 * X(enum suffix, name). The shape of the usage object on the wire. Where a provider sends
 * none (speech by character), the object holds the measured quantity of the request.
 */
#define USAGE_WIRES(X)                                                                   \
    X(OPENAI_CHAT, "openai_chat")                                                        \
    X(OPENAI_RESPONSES, "openai_responses")                                              \
    X(OPENAI_REALTIME, "openai_realtime")                                                \
    X(OPENAI_TRANSCRIPTION, "openai_transcription")                                      \
    X(EMBEDDING, "embedding")                                                            \
    X(CHARACTERS, "characters")                                                          \
    X(ANTHROPIC, "anthropic")                                                            \
    X(GEMINI, "gemini")                                                                  \
    X(GEMINI_CACHE_STORAGE, "gemini_cache_storage")                                      \
    X(DEEPSEEK_CHAT, "deepseek_chat")                                                    \
    X(QWEN_CHAT, "qwen_chat")                                                            \
    X(XAI_CHAT, "xai_chat")                                                              \
    X(PERPLEXITY, "perplexity")                                                          \
    X(MISTRAL_OCR, "mistral_ocr")                                                        \
    X(COHERE, "cohere")                                                                  \
    X(BEDROCK, "bedrock_converse")                                                       \
    X(BEDROCK_OPENAI, "bedrock_converse_openai")

enum usage_wire {
#define USAGE_WIRE_ENUM(e, name) USAGE_WIRE_##e,
    USAGE_WIRES(USAGE_WIRE_ENUM)
#undef USAGE_WIRE_ENUM
        USAGE_WIRE_N_
};

void usage_init(struct usage *u);
/* Nothing was used, which costs nothing: what a sum begins with. */
void usage_none(struct usage *u);
void usage_set(struct usage *u, enum usage_class c, int64_t n);
bool usage_has(const struct usage *u, enum usage_class c);
const char *usage_class_name(enum usage_class c);
enum usage_class usage_class_by_name(struct str name); /* USAGE_N_ if none */
const char *usage_wire_name(enum usage_wire w);
enum usage_wire usage_wire_by_name(struct str name); /* USAGE_WIRE_N_ if none */
/* Sum of the input classes, and of the output classes: tokens. */
int64_t usage_input_tok(const struct usage *u);
int64_t usage_output_tok(const struct usage *u);
int64_t usage_cached_tok(const struct usage *u);
int64_t usage_written_tok(const struct usage *u); /* to caches, of all lifetimes */
/* Cumulative reports: what `newer` knows replaces what u knew (Anthropic message_delta). */
void usage_update(struct usage *u, const struct usage *newer);
/* Sums of two legs. */
void usage_add(struct usage *u, const struct usage *more);

/*
 * Reads a provider's usage object (raw JSON text, checked before) into disjoint classes.
 * `provider` is the catalog's name: it decides where cached and reasoning tokens stand.
 * Subtractions are clamped at 0; *ret_mismatch (may be NULL) tells that one was, or that the
 * wire's own check sum does not hold. ERR_SYNTAX when it is no usage object, when it has no
 * counts, or when one of them is no whole number.
 */
enum errc usage_parse(enum usage_wire wire, struct str provider, struct str json,
                      struct usage *ret, bool *ret_mismatch, struct err *e) MUST_USE;

/* The sum of all tokens that a usage object itself tells; −1: it tells none. */
int64_t usage_told_tok(struct str json);

/*
 * The service tiers that a usage object tells of, as catalog names, beside the standard one:
 * fills up to max, returns how many. The names are static.
 */
size_t usage_services(enum usage_wire wire, struct str json, struct str *ret, size_t max);

/* Back to a client, as raw JSON objects. */
void usage_write_openai(const struct usage *u, struct buf *out);
void usage_write_responses(const struct usage *u, struct buf *out);
void usage_write_anthropic(const struct usage *u, struct buf *out);
/* {"input":9,"output":31,…}, known classes only: ledger and `llmgw` JSON. */
void usage_write_classes(const struct usage *u, struct buf *out);

#endif
