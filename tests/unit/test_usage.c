/* test_usage.c: every provider's usage object becomes the same disjoint classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/jscan.h"
#include "core/money.h"
#include "core/usage.h"

#include <cmocka.h>

struct row {
    const char *what;
    enum usage_wire wire;
    const char *provider, *json;
    const char *classes; /* as usage_write_classes prints them */
    bool mismatch;
    pico reported; /* 0: none */
};

static const struct row rows[] = {
    {"cached and written tokens are inside the prompt", USAGE_WIRE_OPENAI_RESPONSES,
     "openai",
     "{\"input_tokens\":20000,\"input_tokens_details\":{\"cached_tokens\":12288,"
     "\"cache_write_tokens\":4096},\"output_tokens\":900,"
     "\"output_tokens_details\":{\"reasoning_tokens\":640},\"total_tokens\":20900}",
     "{\"input\":3616,\"cache_read\":12288,\"cache_write_30m\":4096,\"output\":260,"
     "\"reasoning\":640}",
     false, 0},
    {"null details say nothing", USAGE_WIRE_OPENAI_CHAT, "openai",
     "{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11,"
     "\"prompt_tokens_details\":null,\"completion_tokens_details\":null}",
     "{\"input\":9,\"output\":2}", false, 0},
    {"audio stands inside both sums", USAGE_WIRE_OPENAI_CHAT, "openai",
     "{\"prompt_tokens\":1200,\"completion_tokens\":680,\"total_tokens\":1880,"
     "\"prompt_tokens_details\":{\"audio_tokens\":900,\"cached_tokens\":0},"
     "\"completion_tokens_details\":{\"audio_tokens\":600}}",
     "{\"input\":300,\"cache_read\":0,\"output\":80,\"audio_in\":900,\"audio_out\":600}",
     false, 0},
    {"cached audio is told apart", USAGE_WIRE_OPENAI_REALTIME, "openai",
     "{\"total_tokens\":2400,\"input_tokens\":1900,\"output_tokens\":500,"
     "\"input_token_details\":{\"text_tokens\":700,\"audio_tokens\":1200,\"image_"
     "tokens\":0,"
     "\"cached_tokens\":1024,\"cached_tokens_details\":{\"text_tokens\":384,"
     "\"audio_tokens\":640,\"image_tokens\":0}},"
     "\"output_token_details\":{\"text_tokens\":100,\"audio_tokens\":400}}",
     "{\"input\":316,\"cache_read\":384,\"output\":100,\"audio_in\":560,"
     "\"audio_cache_read\":640,\"audio_out\":400,\"image_in\":0,\"image_cache_read\":0}",
     false, 0},
    {"more cached than asked is clamped and told", USAGE_WIRE_XAI_CHAT, "xai",
     "{\"prompt_tokens\":100,\"completion_tokens\":5,\"total_tokens\":105,"
     "\"prompt_tokens_details\":{\"cached_tokens\":128}}",
     "{\"input\":0,\"cache_read\":100,\"output\":5}", true, 0},
    {"xAI's chat leaves reasoning out of the completion", USAGE_WIRE_XAI_CHAT, "xai",
     "{\"prompt_tokens\":12,\"completion_tokens\":1,\"total_tokens\":303,"
     "\"completion_tokens_details\":{\"reasoning_tokens\":290},"
     "\"cost_in_usd_ticks\":1500}",
     "{\"input\":12,\"output\":1,\"reasoning\":290}", false, 150000},
    {"without a total xAI's reasoning is added", USAGE_WIRE_XAI_CHAT, "xai",
     "{\"prompt_tokens\":12,\"completion_tokens\":500,"
     "\"completion_tokens_details\":{\"reasoning_tokens\":290}}",
     "{\"input\":12,\"output\":500,\"reasoning\":290}", false, 0},
    {"its responses hold the reasoning inside", USAGE_WIRE_OPENAI_RESPONSES, "xai",
     "{\"input_tokens\":12,\"output_tokens\":291,"
     "\"output_tokens_details\":{\"reasoning_tokens\":290}}",
     "{\"input\":12,\"output\":1,\"reasoning\":290}", false, 0},
    {"reasoning above the completion is beside it", USAGE_WIRE_OPENAI_CHAT, "deepinfra",
     "{\"prompt_tokens\":10,\"completion_tokens\":20,"
     "\"completion_tokens_details\":{\"reasoning_tokens\":300}}",
     "{\"input\":10,\"output\":20,\"reasoning\":300}", false, 0},
    {"Gemini's OpenAI form shows thoughts in the total only", USAGE_WIRE_OPENAI_CHAT,
     "google", "{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":75}",
     "{\"input\":10,\"output\":20,\"reasoning\":45}", false, 0},
    {"a total that fits nothing is told", USAGE_WIRE_OPENAI_CHAT, "together",
     "{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":75}",
     "{\"input\":10,\"output\":20}", true, 0},
    {"DeepSeek counts hits and misses", USAGE_WIRE_DEEPSEEK_CHAT, "deepseek",
     "{\"prompt_tokens\":1500,\"completion_tokens\":300,\"total_tokens\":1800,"
     "\"prompt_cache_hit_tokens\":1000,\"prompt_cache_miss_tokens\":500,"
     "\"completion_tokens_details\":{\"reasoning_tokens\":250}}",
     "{\"input\":500,\"cache_read\":1000,\"output\":50,\"reasoning\":250}", false, 0},
    {"a miss too few is told", USAGE_WIRE_DEEPSEEK_CHAT, "deepseek",
     "{\"prompt_tokens\":1500,\"completion_tokens\":1,\"prompt_cache_hit_tokens\":1000,"
     "\"prompt_cache_miss_tokens\":499}",
     "{\"input\":500,\"cache_read\":1000,\"output\":1}", true, 0},
    {"Kimi counts cached tokens beside the totals", USAGE_WIRE_OPENAI_CHAT, "moonshotai",
     "{\"prompt_tokens\":100,\"completion_tokens\":1,\"total_tokens\":101,"
     "\"cached_tokens\":60,\"cache_write_tokens\":30}",
     "{\"input\":10,\"cache_read\":60,\"cache_write_5m\":30,\"output\":1}", false, 0},
    {"Mistral's other spelling", USAGE_WIRE_OPENAI_CHAT, "mistral",
     "{\"prompt_tokens\":100,\"completion_tokens\":1,\"total_tokens\":101,"
     "\"prompt_token_details\":{\"cached_tokens\":60}}",
     "{\"input\":40,\"cache_read\":60,\"output\":1}", false, 0},
    {"Qwen's writes are inside too", USAGE_WIRE_QWEN_CHAT, "alibaba",
     "{\"prompt_tokens\":100,\"completion_tokens\":1,\"total_tokens\":101,"
     "\"cache_creation_input_tokens\":30,\"prompt_tokens_details\":{\"cached_tokens\":60,"
     "\"cache_type\":\"ephemeral\"}}",
     "{\"input\":10,\"cache_read\":60,\"cache_write_5m\":30,\"output\":1}", false, 0},
    {"OpenRouter tells its price", USAGE_WIRE_OPENAI_CHAT, "openrouter",
     "{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7,\"cost\":1.25e-5,"
     "\"is_byok\":false}",
     "{\"input\":5,\"output\":2}", false, 12500000},
    {"with an own key the provider's part is added", USAGE_WIRE_OPENAI_CHAT, "openrouter",
     "{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7,\"cost\":0.000001,"
     "\"is_byok\":true,\"cost_details\":{\"upstream_inference_cost\":0.00002}}",
     "{\"input\":5,\"output\":2}", false, 21000000},
    {"an embedding has no output", USAGE_WIRE_EMBEDDING, "google",
     "{\"total_tokens\":4096}", "{\"input\":4096}", false, 0},
    {"transcription by the second", USAGE_WIRE_OPENAI_TRANSCRIPTION, "openai",
     "{\"type\":\"duration\",\"seconds\":61.25}", "{\"audio_ms\":61250}", false, 0},
    {"transcription by token", USAGE_WIRE_OPENAI_TRANSCRIPTION, "openai",
     "{\"type\":\"tokens\",\"input_tokens\":1514,\"input_token_details\":"
     "{\"text_tokens\":14,\"audio_tokens\":1500},\"output_tokens\":210,"
     "\"total_tokens\":1724}",
     "{\"input\":14,\"output\":210,\"audio_in\":1500}", false, 0},
    {"speech by character", USAGE_WIRE_CHARACTERS, "openai",
     "{\"input_characters\":1234}", "{\"character\":1234}", false, 0},
    {"Anthropic's input leaves the cache out", USAGE_WIRE_ANTHROPIC, "anthropic",
     "{\"input_tokens\":50,\"cache_creation_input_tokens\":5000,"
     "\"cache_read_input_tokens\":100000,\"cache_creation\":{"
     "\"ephemeral_5m_input_tokens\":2000,\"ephemeral_1h_input_tokens\":3000},"
     "\"output_tokens\":700,\"output_tokens_details\":{\"thinking_tokens\":200},"
     "\"server_tool_use\":{\"web_search_requests\":3}}",
     "{\"input\":50,\"cache_read\":100000,\"cache_write_5m\":2000,\"cache_write_1h\":"
     "3000,"
     "\"output\":500,\"reasoning\":200,\"web_search\":3}",
     false, 0},
    {"a write without its lifetime lives 5 minutes", USAGE_WIRE_ANTHROPIC, "anthropic",
     "{\"input_tokens\":50,\"cache_creation_input_tokens\":5000,"
     "\"cache_read_input_tokens\":null,\"output_tokens\":7}",
     "{\"input\":50,\"cache_write_5m\":5000,\"output\":7}", false, 0},
    {"a delta knows what it tells", USAGE_WIRE_ANTHROPIC, "anthropic",
     "{\"output_tokens\":15}", "{\"output\":15}", false, 0},
    {"compaction is summed from the iterations", USAGE_WIRE_ANTHROPIC, "anthropic",
     "{\"input_tokens\":10,\"output_tokens\":5,\"iterations\":["
     "{\"type\":\"compaction\",\"input_tokens\":1000,\"output_tokens\":100},"
     "{\"type\":\"advisor_message\",\"input_tokens\":9,\"output_tokens\":9},"
     "{\"type\":\"message\",\"input_tokens\":10,\"output_tokens\":5}]}",
     "{\"input\":1010,\"output\":105}", false, 0},
    {"Gemini adds thoughts and tools", USAGE_WIRE_GEMINI, "google",
     "{\"promptTokenCount\":900,\"candidatesTokenCount\":300,\"totalTokenCount\":1350,"
     "\"thoughtsTokenCount\":150,\"toolUsePromptTokenCount\":2500}",
     "{\"input\":3400,\"output\":300,\"reasoning\":150,\"audio_out\":0,\"image_out\":0}",
     false, 0},
    {"Gemini's media and their cached parts", USAGE_WIRE_GEMINI, "google",
     "{\"promptTokenCount\":5000,\"candidatesTokenCount\":200,\"totalTokenCount\":5200,"
     "\"cachedContentTokenCount\":1000,\"promptTokensDetails\":["
     "{\"modality\":\"TEXT\",\"tokenCount\":1000},"
     "{\"modality\":\"AUDIO\",\"tokenCount\":4000}],"
     "\"cacheTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":1000}]}",
     "{\"input\":1000,\"cache_read\":0,\"output\":200,\"audio_in\":3000,"
     "\"audio_cache_read\":1000,\"audio_out\":0,\"image_in\":0,\"image_out\":0,"
     "\"video_in\":0}",
     false, 0},
    {"a cache kept for an hour and a half", USAGE_WIRE_GEMINI_CACHE_STORAGE, "google",
     "{\"totalTokenCount\":1000000,\"seconds\":5400}", "{\"cache_storage_s\":5400000000}",
     false, 0},
    {"Perplexity's five meters", USAGE_WIRE_PERPLEXITY, "perplexity",
     "{\"prompt_tokens\":33,\"completion_tokens\":7163,\"total_tokens\":7196,"
     "\"citation_tokens\":20016,\"num_search_queries\":18,\"reasoning_tokens\":73997,"
     "\"cost\":{\"input_tokens_cost\":0.0,\"total_cost\":0.409}}",
     "{\"input\":33,\"output\":7163,\"reasoning\":73997,\"citation\":20016,"
     "\"search_query\":18}",
     false, 409000000000},
    {"pages", USAGE_WIRE_MISTRAL_OCR, "mistral",
     "{\"pages_processed\":12,\"doc_size_bytes\":1048576}", "{\"page\":12}", false, 0},
    {"Cohere bills billed units, as floats", USAGE_WIRE_COHERE, "cohere",
     "{\"billed_units\":{\"input_tokens\":17.0,\"output_tokens\":142.0,\"search_units\":"
     "3},"
     "\"tokens\":{\"input_tokens\":215,\"output_tokens\":144}}",
     "{\"input\":17,\"output\":142,\"search_unit\":3}", false, 0},
    {"Cohere's cached tokens are some of all", USAGE_WIRE_COHERE, "cohere",
     "{\"billed_units\":{\"input_tokens\":14,\"output_tokens\":3},"
     "\"tokens\":{\"input_tokens\":902,\"output_tokens\":5},\"cached_tokens\":864}",
     "{\"input\":14,\"output\":3}", false, 0},
    {"… and never more", USAGE_WIRE_COHERE, "cohere",
     "{\"billed_units\":{\"input_tokens\":14,\"output_tokens\":3},"
     "\"tokens\":{\"input_tokens\":902,\"output_tokens\":5},\"cached_tokens\":903}",
     "{\"input\":14,\"output\":3}", true, 0},
    {"Converse counts the cache outside", USAGE_WIRE_BEDROCK, "amazon-bedrock",
     "{\"inputTokens\":400,\"outputTokens\":250,\"totalTokens\":4722,"
     "\"cacheReadInputTokens\":3072,\"cacheWriteInputTokens\":1000,"
     "\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":500},"
     "{\"ttl\":\"5m\",\"inputTokens\":400},{\"ttl\":\"1h\",\"inputTokens\":100}]}",
     "{\"input\":400,\"cache_read\":3072,\"cache_write_5m\":400,\"cache_write_1h\":600,"
     "\"output\":250}",
     false, 0},
    {"… and says so in its sum", USAGE_WIRE_BEDROCK, "amazon-bedrock",
     "{\"inputTokens\":400,\"outputTokens\":250,\"totalTokens\":650,"
     "\"cacheReadInputTokens\":100}",
     "{\"input\":400,\"cache_read\":100,\"output\":250}", true, 0},
    {"OpenAI's models in it may count the cache inside, and twice in the sum",
     USAGE_WIRE_BEDROCK_OPENAI, "amazon-bedrock",
     "{\"inputTokens\":1000,\"outputTokens\":8,\"totalTokens\":1908,"
     "\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":900}",
     "{\"input\":100,\"cache_read\":0,\"cache_write_5m\":900,\"output\":8}", false, 0},
    {"… or once", USAGE_WIRE_BEDROCK_OPENAI, "amazon-bedrock",
     "{\"inputTokens\":1000,\"outputTokens\":8,\"totalTokens\":1008,"
     "\"cacheReadInputTokens\":900}",
     "{\"input\":100,\"cache_read\":900,\"output\":8}", false, 0},
    {"… or neither", USAGE_WIRE_BEDROCK_OPENAI, "amazon-bedrock",
     "{\"inputTokens\":1000,\"outputTokens\":8,\"totalTokens\":1400,"
     "\"cacheReadInputTokens\":900}",
     "{\"input\":100,\"cache_read\":900,\"output\":8}", true, 0},
    {"… outside, where it cannot be inside", USAGE_WIRE_BEDROCK_OPENAI, "amazon-bedrock",
     "{\"inputTokens\":100,\"outputTokens\":8,\"totalTokens\":1008,"
     "\"cacheReadInputTokens\":900}",
     "{\"input\":100,\"cache_read\":900,\"output\":8}", false, 0},
    {"… and without a cache there is nothing to tell", USAGE_WIRE_BEDROCK_OPENAI,
     "amazon-bedrock", "{\"inputTokens\":100,\"outputTokens\":8,\"totalTokens\":108}",
     "{\"input\":100,\"output\":8}", false, 0},
};

static void each_wire_becomes_disjoint_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct usage u;
        bool mismatch = false;
        struct err e = ERR_INIT;
        struct buf b = BUF_INIT(4096);
        print_message("# %s\n", r->what);
        assert_int_equal(jscan_check(str_of(r->json), &e), ERR_OK);
        assert_int_equal(
            usage_parse(r->wire, str_of(r->provider), str_of(r->json), &u, &mismatch, &e),
            ERR_OK);
        usage_write_classes(&u, &b);
        assert_string_equal(b.data, r->classes);
        assert_int_equal(mismatch, r->mismatch);
        assert_int_equal(u.reported_pico, r->reported == 0 ? PICO_UNKNOWN : r->reported);
        buf_release(&b);
    }
}

static void what_is_no_usage_is_an_error(void **state)
{
    (void)state;
    static const struct {
        enum usage_wire wire;
        const char *json, *text;
    } bad[] = {
        {USAGE_WIRE_OPENAI_CHAT, "[]", "usage is no object"},
        {USAGE_WIRE_OPENAI_CHAT, "{}", "usage has no counts of wire openai_chat"},
        {USAGE_WIRE_ANTHROPIC, "{\"prompt_tokens\":1}",
         "usage has no counts of wire anthropic"},
        {USAGE_WIRE_OPENAI_CHAT, "{\"prompt_tokens\":-1}",
         "usage: \"prompt_tokens\" is no count"},
        {USAGE_WIRE_OPENAI_CHAT, "{\"prompt_tokens\":1.5}",
         "usage: \"prompt_tokens\" is no count"},
        {USAGE_WIRE_OPENAI_CHAT, "{\"prompt_tokens\":\"1\"}",
         "usage: \"prompt_tokens\" is no count"},
        {USAGE_WIRE_OPENAI_CHAT, "{\"prompt_tokens\":99999999999999999}",
         "usage: \"prompt_tokens\" is no count"},
        {USAGE_WIRE_GEMINI_CACHE_STORAGE,
         "{\"totalTokenCount\":1000000000000,\"seconds\":1000000000000}",
         "usage: \"seconds\" is no count"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct usage u = {.known = 77};
        struct err e = ERR_INIT;
        assert_int_equal(
            usage_parse(bad[i].wire, STR("openai"), str_of(bad[i].json), &u, NULL, &e),
            ERR_SYNTAX);
        assert_string_equal(e.text, bad[i].text);
        assert_int_equal(u.known, 77); /* untouched */
    }
}

static void a_later_report_replaces_what_it_tells(void **state)
{
    (void)state;
    struct usage u, later;
    usage_init(&u);
    usage_init(&later);
    usage_set(&u, USAGE_INPUT, 100);
    usage_set(&u, USAGE_OUTPUT, 1);
    usage_set(&later, USAGE_OUTPUT, 40);
    usage_update(&u, &later);
    assert_int_equal(u.n[USAGE_INPUT], 100);
    assert_int_equal(u.n[USAGE_OUTPUT], 40);
    assert_false(usage_has(&u, USAGE_REASONING));
    assert_false(u.explicit_cache);
    later.explicit_cache = true;
    usage_update(&u, &later);
    later.explicit_cache = false; /* told once, for all of the answer */
    usage_update(&u, &later);
    assert_true(u.explicit_cache);
}

static void legs_are_summed_and_a_half_told_price_is_unknown(void **state)
{
    (void)state;
    struct usage a, b;
    usage_init(&a);
    usage_init(&b);
    usage_set(&a, USAGE_OUTPUT, 5);
    usage_set(&b, USAGE_OUTPUT, 7);
    usage_set(&b, USAGE_INPUT, INT64_MAX);
    usage_set(&a, USAGE_INPUT, 1);
    a.reported_pico = 100;
    usage_add(&a, &b);
    assert_int_equal(a.n[USAGE_OUTPUT], 12);
    assert_int_equal(a.n[USAGE_INPUT], INT64_MAX);
    assert_int_equal(a.reported_pico, PICO_UNKNOWN);
    b.reported_pico = 100;
    usage_add(&a, &b); /* what was unknown stays so */
    assert_int_equal(a.reported_pico, PICO_UNKNOWN);
    a.reported_pico = 11;
    usage_add(&a, &b);
    assert_int_equal(a.reported_pico, 111);
}

static void a_sum_of_one_is_that_one(void **state)
{
    (void)state;
    struct usage sum, u;
    usage_none(&sum);
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, 3);
    u.reported_pico = 100;
    usage_add(&sum, &u);
    assert_memory_equal(&sum, &u, sizeof u);
    u.reported_pico = PICO_UNKNOWN;
    usage_none(&sum);
    usage_add(&sum, &u);
    assert_int_equal(sum.reported_pico, PICO_UNKNOWN);
}

static void clients_get_their_own_shape(void **state)
{
    (void)state;
    struct usage u;
    struct buf b = BUF_INIT(4096);
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, 50);
    usage_set(&u, USAGE_CACHE_READ, 1000);
    usage_set(&u, USAGE_CACHE_WRITE_30M, 20);
    usage_set(&u, USAGE_CACHE_WRITE_1H, 30);
    usage_set(&u, USAGE_OUTPUT, 7);
    usage_set(&u, USAGE_REASONING, 3);
    usage_write_openai(&u, &b);
    assert_string_equal(b.data,
                        "{\"prompt_tokens\":1100,\"completion_tokens\":10,"
                        "\"total_tokens\":1110,\"prompt_tokens_details\":{"
                        "\"cached_tokens\":1000,\"cache_write_tokens\":50},"
                        "\"completion_tokens_details\":{\"reasoning_tokens\":3}}");
    buf_reset(&b);
    usage_write_anthropic(&u, &b);
    assert_string_equal(b.data,
                        "{\"input_tokens\":50,\"cache_creation_input_tokens\":50,"
                        "\"cache_read_input_tokens\":1000,\"cache_creation\":{"
                        "\"ephemeral_5m_input_tokens\":20,"
                        "\"ephemeral_1h_input_tokens\":30},\"output_tokens\":10}");
    buf_release(&b);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct usage u, back;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT(4096);
    usage_init(&u);
    usage_set(&u, USAGE_INPUT, 50);
    usage_set(&u, USAGE_CACHE_READ, 1000);
    usage_set(&u, USAGE_OUTPUT, 7);
    usage_set(&u, USAGE_REASONING, 3);
    usage_write_openai(&u, &b);
    assert_int_equal(
        usage_parse(USAGE_WIRE_OPENAI_CHAT, STR("openai"), buf_str(&b), &back, NULL, &e),
        ERR_OK);
    assert_memory_equal(back.n, u.n, sizeof u.n);
    buf_release(&b);
}

static void names_find_their_values(void **state)
{
    (void)state;
    for (unsigned c = 0; c < USAGE_N_; c++)
        assert_int_equal(
            usage_class_by_name(str_of(usage_class_name((enum usage_class)c))), c);
    for (unsigned w = 0; w < USAGE_WIRE_N_; w++)
        assert_int_equal(usage_wire_by_name(str_of(usage_wire_name((enum usage_wire)w))),
                         w);
    assert_int_equal(usage_class_by_name(STR("tokens")), USAGE_N_);
    assert_int_equal(usage_wire_by_name(STR("")), USAGE_WIRE_N_);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wire_becomes_disjoint_classes),
        cmocka_unit_test(what_is_no_usage_is_an_error),
        cmocka_unit_test(a_later_report_replaces_what_it_tells),
        cmocka_unit_test(legs_are_summed_and_a_half_told_price_is_unknown),
        cmocka_unit_test(a_sum_of_one_is_that_one),
        cmocka_unit_test(clients_get_their_own_shape),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(names_find_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
