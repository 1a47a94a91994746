/*
 * test_embed.c: embeddings in each dialect: what a client may ask, what providers are asked, and
 * what their answers become. JSON stands here with ' for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/catalog.h"
#include "core/jscan.h"

#include "tests/unit/dialect_test.h"

#include <cmocka.h>

static const struct dialect_ops *const client = &dialect_openai_embed;

/* ---- what a client asks ---- */

static void facts_tell_the_inputs(void **state)
{
    static const struct {
        const char *body;
        size_t n, prompt_len, longest_len;
        int64_t tok, longest_tok;
        bool base64;
    } rows[] = {
        {"{'model':'m','input':'keel'}", 1, 4, 4, 0, 0, false},
        {"{'model':'m','input':['keel','mainsail',' ']}", 3, 13, 8, 0, 0, false},
        {"{'model':'m','input':[1,2,3]}", 1, 0, 0, 3, 3, false},
        {"{'model':'m','input':[[1,2],[3],[4,5,6]]}", 3, 0, 0, 6, 3, false},
        {"{'input':'a','model':'m','encoding_format':'base64'}", 1, 1, 1, 0, 0, true},
        {"{'input':'a','model':'m','encoding_format':'float','dimensions':8,'user':'u'}",
         1, 1, 1, 0, 0, false},
        {"{'input':'a','model':'m','encoding_format':null,'dimensions':null}", 1, 1, 1, 0,
         0, false},
        {"{'input':'a','model':'m','stream':true,'unknown':{'x':[1]}}", 1, 1, 1, 0, 0,
         false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct body_facts f;
        struct err e = ERR_INIT;
        if (client->facts(str_of(json(rows[i].body)), NULL, &f, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].body, e.text);
        assert_string_equal(f.model_name, "m");
        assert_int_equal(f.n_inputs, rows[i].n);
        assert_int_equal(f.prompt_len, rows[i].prompt_len);
        assert_int_equal(f.longest_len, rows[i].longest_len);
        assert_int_equal(f.input_tok, rows[i].tok);
        assert_int_equal(f.longest_tok, rows[i].longest_tok);
        assert_int_equal(f.base64, rows[i].base64);
        assert_int_equal(f.needs, CAP_EMBEDDING);
        assert_int_equal(f.max_output_tok, 0);
        assert_false(f.stream);
    }
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"[]", "the body is not valid JSON: the outermost value is no object"},
        {"{'input':'a'}", "model: is required"},
        {"{'model':7,'input':'a'}", "model: must be a string, not a number"},
        {"{'model':'m'}", "input: is required"},
        {"{'model':'m','input':null}", "input: is required"},
        {"{'model':'m','input':''}", "input: must not be empty"},
        {"{'model':'m','input':[]}", "input: must not be empty"},
        {"{'model':'m','input':{}}",
         "input: must be a string or an array, not an object"},
        {"{'model':'m','input':['a','']}", "input[1]: must not be empty"},
        {"{'model':'m','input':[[1],[]]}", "input[1]: must not be empty"},
        {"{'model':'m','input':[1,-2]}", "input: must be an array of tokens"},
        {"{'model':'m','input':[1,'a']}", "input: must be an array of tokens"},
        {"{'model':'m','input':[[1],[1.5]]}", "input[1]: must be an array of tokens"},
        {"{'model':'m','input':['a',1]}",
         "input[1]: must be a string, or an array of tokens, as all others"},
        {"{'model':'m','input':[[1],'a']}",
         "input[1]: must be a string, or an array of tokens, as all others"},
        {"{'model':'m','input':[{}]}",
         "input[0]: must be a string, or an array of tokens, as all others"},
        {"{'model':'m','input':'a','dimensions':0}",
         "dimensions: must be an integer from 1 to 2147483647"},
        {"{'model':'m','input':'a','encoding_format':'int8'}",
         "encoding_format: must be float or base64"},
        {"{'model':'m','input':'a','encoding_format':1}",
         "encoding_format: must be a string, not a number"},
        {"{'model':'m','input':'a','user':1}", "user: must be a string, not a number"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct body_facts f;
        struct err e = ERR_INIT;
        assert_int_equal(client->facts(str_of(json(rows[i].body)), NULL, &f, &e),
                         ERR_INVALID);
        if (i > 0)
            assert_string_equal(e.text, rows[i].text);
        assert_int_equal(e.origin, ERR_BY_CLIENT);
    }
}

static void all_but_the_model_passes_as_it_came(void **state)
{
    const char *body = json("{ 'input' : ['\\u0061', 'b'],\t'dimensions':1.0e1,\n"
                            "'model':'short', 'zz':[0.10] }");
    const char *want = json("{ 'input' : ['\\u0061', 'b'],\t'dimensions':1.0e1,\n"
                            "'model':'text-embedding-3-small', 'zz':[0.10] }");
    const struct body_edits edits = {.model = STR("text-embedding-3-small"),
                                     .add_include_usage = true,
                                     .max_output_tok = -1,
                                     .cap_field = "max_tokens"};
    struct body_facts f;
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT(4096), all = BUF_INIT(4096);
    struct pieces pieces = {.n = 0};
    (void)state;
    assert_int_equal(client->facts(str_of(body), NULL, &f, &e), ERR_OK);
    assert_int_equal(client->splice(str_of(body), &f, &edits, &text, &pieces, &e),
                     ERR_OK);
    pieces_join(&pieces, &all);
    assert_string_equal(all.data, want);
    buf_release(&text);
    buf_release(&all);
}

/* ---- what providers are asked ---- */

struct crossing {
    const char *kind, *model, *in, *path,
        *want;           /* want NULL: refused, `dropped` says why */
    const char *dropped; /* joined by commas */
};

static void check_asked(const struct crossing *c)
{
    const struct provider_kind *kind = provider_kind_find(str_of(c->kind));
    const struct dialect_ops *ops = dialect_embed_ops(kind->dialect);
    const struct target_caps caps = {.kind = kind, .model = str_of(c->model)};
    struct arena a;
    struct msg_request m;
    struct err e = ERR_INIT;
    struct dropped d = {.n = 0};
    struct buf out = BUF_INIT(1 << 16), names = BUF_INIT(4096), path = BUF_INIT(4096);
    arena_init(&a, 1 << 20);
    enum errc rc = client->request_decode(str_of(json(c->in)), NULL, &a, &m, &e);
    if (rc == ERR_OK)
        rc = ops->request_encode(&m, &caps, &out, &d, &e);
    buf_addz(&names, "");
    for (size_t i = 0; i < d.n; i++)
        buf_printf(&names, "%s%s", i > 0 ? "," : "", d.names[i]);
    ops->path(kind, caps.model, false, &path);
    assert_string_equal(path.data, c->path);
    if (c->want == NULL) {
        assert_int_equal(rc, ERR_INVALID);
        assert_string_equal(e.text, c->dropped);
        assert_int_equal(e.origin, ERR_BY_GATEWAY); /* so that another target is asked */
    } else {
        if (rc != ERR_OK)
            fail_msg("%s: %s", c->in, e.text);
        assert_string_equal(out.data, json(c->want));
        assert_string_equal(names.data, c->dropped);
    }
    buf_release(&out);
    buf_release(&names);
    buf_release(&path);
    arena_release(&a);
}

#define GEMINI_PATH "/models/gemini-embedding-001:batchEmbedContents"

/* clang-format off */
static const struct crossing crossings[] = {
    {"gemini", "gemini-embedding-001", "{'model':'x','input':'keel'}", GEMINI_PATH,
     "{'requests':[{'model':'models/gemini-embedding-001',"
     "'content':{'parts':[{'text':'keel'}]}}]}", ""},
    {"gemini", "models/gemini-embedding-001",
     "{'model':'x','input':['k\\u0065el','\\n'],'dimensions':768,'input_type':'query',"
     "'encoding_format':'base64','user':'u','zz':1}", GEMINI_PATH,
     "{'requests':[{'model':'models/gemini-embedding-001',"
     "'content':{'parts':[{'text':'keel'}]},'taskType':'RETRIEVAL_QUERY',"
     "'outputDimensionality':768},{'model':'models/gemini-embedding-001',"
     "'content':{'parts':[{'text':'\\n'}]},'taskType':'RETRIEVAL_QUERY',"
     "'outputDimensionality':768}]}", "user,zz"},
    {"gemini", "gemini-embedding-2", "{'model':'x','input':'keel','input_type':'passage'}",
     "/models/gemini-embedding-2:batchEmbedContents",
     "{'requests':[{'model':'models/gemini-embedding-2',"
     "'content':{'parts':[{'text':'keel'}]}}]}", "input_type"},
    {"gemini", "gemini-embedding-001", "{'model':'x','input':[[1,2]]}", GEMINI_PATH, NULL,
     "input: tokens are another model's: the target takes text"},
    {"gemini", "gemini-embedding-001", "{'model':'x','input':[1,2]}", GEMINI_PATH, NULL,
     "input: tokens are another model's: the target takes text"},
    {"gemini", "gemini-embedding-001", "{'model':'x','input':'a','input_type':'image'}",
     GEMINI_PATH, NULL, "input_type: \"image\" is not known here"},
    {"vertex", "gemini-embedding-001",
     "{'model':'x','input':'keel','dimensions':8,'input_type':'clustering'}",
     "/models/gemini-embedding-001:predict",
     "{'instances':[{'content':'keel','task_type':'CLUSTERING'}],"
     "'parameters':{'autoTruncate':false,'outputDimensionality':8}}", ""},
    {"vertex", "text-embedding-005", "{'model':'x','input':['a','b']}",
     "/models/text-embedding-005:predict",
     "{'instances':[{'content':'a'},{'content':'b'}],'parameters':{'autoTruncate':false}}", ""},
    {"vertex", "gemini-embedding-001", "{'model':'x','input':['a','b']}",
     "/models/gemini-embedding-001:predict", NULL,
     "input: the target takes 1 at most, these are 2"},
    {"vertex", "gemini-embedding-2", "{'model':'x','input':'keel','dimensions':8}",
     "/models/gemini-embedding-2:embedContent",
     "{'content':{'parts':[{'text':'keel'}]},"
     "'embedContentConfig':{'autoTruncate':false,'outputDimensionality':8}}", ""},
    {"cohere", "embed-v4.0", "{'model':'x','input':'keel'}", "/embed",
     "{'model':'embed-v4.0','texts':['keel'],'input_type':'search_document',"
     "'embedding_types':['float'],'truncate':'NONE'}", ""},
    {"cohere", "embed-v4.0",
     "{'model':'x','input':['keel','mast'],'dimensions':256,'input_type':'search_query',"
     "'user':'u'}", "/embed",
     "{'model':'embed-v4.0','texts':['keel','mast'],'input_type':'search_query',"
     "'embedding_types':['float'],'output_dimension':256,'truncate':'NONE'}", "user"},
    {"cohere", "embed-english-v3.0", "{'model':'x','input':'keel','dimensions':256}", "/embed",
     NULL, "dimensions: the target's embeddings have one size only"},
    {"cohere", "embed-v4.0", "{'model':'x','input':[7]}", "/embed", NULL,
     "input: tokens are another model's: the target takes text"},
};
/* clang-format on */

static void providers_are_asked_in_their_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(crossings); i++)
        check_asked(&crossings[i]);
}

static void more_inputs_than_a_call_takes_are_refused(void **state)
{
    static const struct {
        const char *kind, *model, *path;
        unsigned most;
    } rows[] = {
        {"gemini", "gemini-embedding-001", GEMINI_PATH, 100},
        {"cohere", "embed-v4.0", "/embed", 96},
        {"vertex", "text-embedding-005", "/models/text-embedding-005:predict", 250}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char in[4096] = "{'model':'x','input':['a'", why[80];
        size_t len = strlen(in);
        for (unsigned n = 0; n < rows[i].most; n++)
            len += (size_t)snprintf(in + len, sizeof in - len, ",'a'");
        snprintf(in + len, sizeof in - len, "]}");
        snprintf(why, sizeof why, "input: the target takes %u at most, these are %u",
                 rows[i].most, rows[i].most + 1);
        const struct crossing c = {rows[i].kind, rows[i].model, in,
                                   rows[i].path, NULL,          why};
        check_asked(&c);
    }
}

/* ---- what they answer ---- */

struct answered {
    const char *kind, *body;
    const char *want; /* of a client that asked for base64; NULL: an error … */
    enum errc class;  /* … of this class */
    size_t n;
    int64_t input_tok; /* −1: not told */
    const char *served;
};

#define HEAD       "{'object':'list','data':["
#define ITEM(n, v) "{'object':'embedding','index':" n ",'embedding':'" v "'}"
#define TAIL(tok)                                                                        \
    "],'model':'m','usage':{'prompt_tokens':" tok ",'total_tokens':" tok "}}"
#define ONE     "AACAPw=="
#define ONE_TWO "AACAPwAAAMA="

/* clang-format off */
static const struct answered answers[] = {
    {"openai", "{'object':'list','data':[{'object':'embedding','index':0,'embedding':[1,-2]}],"
     "'model':'text-embedding-3-small','usage':{'prompt_tokens':5,'total_tokens':5}}",
     HEAD ITEM("0", ONE_TWO) TAIL("5"), ERR_OK, 1, 5, "text-embedding-3-small"},
    {"openai", "{'data':[{'embedding':'" ONE "'},{'embedding':[1]}],'usage':{'total_tokens':7}}",
     HEAD ITEM("0", ONE) "," ITEM("1", ONE) TAIL("7"), ERR_OK, 2, 7, ""},
    {"openai", "{'data':[{'embedding':[1]}],'usage':{}}", HEAD ITEM("0", ONE) TAIL("0"),
     ERR_OK, 1, -1, ""},
    {"openai", "{'data':[]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'embedding':[]}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'embedding':''}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[7]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'embedding':[1,null]}]}", NULL, ERR_SYNTAX, 1, -1, ""},
    {"openai", "{}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "7", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'index':1,'embedding':[1]},{'index':0,'embedding':[1,-2]}]}",
     HEAD ITEM("0", ONE_TWO) "," ITEM("1", ONE) TAIL("0"), ERR_OK, 2, -1, ""},
    {"openai", "{'data':[{'index':null,'embedding':[1]}]}", HEAD ITEM("0", ONE) TAIL("0"),
     ERR_OK, 1, -1, ""},
    {"openai", "{'data':[{'index':0,'embedding':[1]},{'index':0,'embedding':[1]}]}", NULL,
     ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'index':1,'embedding':[1]}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'index':-1,'embedding':[1]}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'data':[{'index':'0','embedding':[1]}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"openai", "{'error':{'message':'slow','code':'rate_limit_exceeded'}}", NULL,
     ERR_RATE_LIMIT, 0, -1, ""},
    {"gemini", "{'embeddings':[{'values':[1]},{'values':[1,-2]}]}",
     HEAD ITEM("0", ONE) "," ITEM("1", ONE_TWO) TAIL("0"), ERR_OK, 2, -1, ""},
    {"gemini", "{'embedding':{'values':[1]}}", HEAD ITEM("0", ONE) TAIL("0"), ERR_OK, 1, -1, ""},
    {"gemini", "{'embeddings':[{'values':[1]}],'usageMetadata':{'promptTokenCount':4096}}",
     HEAD ITEM("0", ONE) TAIL("4096"), ERR_OK, 1, 4096, ""},
    {"vertex", "{'predictions':[{'embeddings':{'values':[1],'statistics':{'token_count':3,"
     "'truncated':false}}},{'embeddings':{'values':[1,-2],'statistics':{'token_count':4.0}}}]}",
     HEAD ITEM("0", ONE) "," ITEM("1", ONE_TWO) TAIL("7"), ERR_OK, 2, 7, ""},
    {"gemini", "{'embeddings':[{}]}", NULL, ERR_SERVER, 0, -1, ""},
    {"gemini", "{'embeddings':[]}", NULL, ERR_SERVER, 0, -1, ""},
    {"gemini", "{'embedding':{}}", NULL, ERR_SERVER, 0, -1, ""},
    {"gemini", "{'embeddings':[{'values':[true]}]}", NULL, ERR_SYNTAX, 1, -1, ""},
    {"gemini", "{'error':{'code':429,'message':'m','status':'RESOURCE_EXHAUSTED'}}", NULL,
     ERR_RATE_LIMIT, 0, -1, ""},
    {"cohere", "{'id':'1','embeddings':{'float':[[1],[1,-2]]},'texts':['a','b'],"
     "'meta':{'billed_units':{'input_tokens':12.0}}}",
     HEAD ITEM("0", ONE) "," ITEM("1", ONE_TWO) TAIL("12"), ERR_OK, 2, 12, ""},
    {"cohere", "{'embeddings':[[1]],'meta':{}}", HEAD ITEM("0", ONE) TAIL("0"), ERR_OK, 1, -1,
     ""},
    {"cohere", "{'embeddings':{'int8':[[1]]}}", NULL, ERR_SERVER, 0, -1, ""},
    {"cohere", "{'embeddings':{'float':[1]}}", NULL, ERR_SERVER, 0, -1, ""},
};
/* clang-format on */

static void answers_become_the_clients(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct answered *c = &answers[i];
        const struct provider_kind *kind = provider_kind_find(str_of(c->kind));
        const struct dialect_ops *ops = dialect_embed_ops(kind->dialect);
        struct scan_state scan;
        struct embeddings got;
        struct err e = ERR_INIT;
        struct buf out = BUF_INIT(1 << 16);
        ops->scan_init(&scan, kind);
        enum errc rc =
            cross_embeddings(ops, &scan, str_of(json(c->body)), true, &got, &out, &e);
        if (rc != c->class)
            fail_msg("%s: %s: %s", c->body, errc_name(rc), e.text);
        if (c->want != NULL)
            assert_string_equal(out.data, json(c->want));
        else if (rc != ERR_SYNTAX) /* which the attempt puts into words */
            assert_int_equal(e.origin, ERR_BY_PROVIDER);
        assert_int_equal(got.n, c->n);
        assert_int_equal(scan.has_usage, c->input_tok >= 0);
        if (c->input_tok >= 0)
            assert_int_equal(usage_input_tok(&scan.usage), c->input_tok);
        assert_int_equal(usage_output_tok(&scan.usage), 0);
        assert_string_equal(scan.model, c->served);
        buf_release(&out);
    }
}

static void numbers_stay_as_the_provider_spelt_them(void **state)
{
    const struct dialect_ops *ops = &dialect_openai_embed;
    struct scan_state scan;
    struct embeddings got;
    struct err e = ERR_INIT;
    struct buf out = BUF_INIT(4096);
    (void)state;
    ops->scan_init(&scan, provider_kind_find(STR("openai")));
    assert_int_equal(
        cross_embeddings(ops, &scan,
                         str_of(json("{'data':[{'embedding':[1.0e-2, -0.10,3]}]}")),
                         false, &got, &out, &e),
        ERR_OK);
    assert_non_null(strstr(out.data, "\"embedding\":[1.0e-2, -0.10,3]}"));
    buf_release(&out);
}

/* A kind with a path for embeddings has a dialect with them, and the reverse holds for natives. */
static void every_kind_with_a_path_can_be_asked(void **state)
{
    size_t n;
    const struct provider_kind *kinds = provider_kinds(&n);
    const struct body_facts f = {.needs = CAP_EMBEDDING};
    (void)state;
    for (size_t i = 0; i < n; i++) {
        if (kinds[i].embeddings == NULL)
            continue;
        const struct dialect_ops *ops =
            dialect_for(&kinds[i], DIALECT_OPENAI, &f, STR("m"));
        struct buf path = BUF_INIT(4096);
        assert_non_null(ops);
        ops->path(&kinds[i], STR("m"), false, &path);
        assert_int_equal(path.data[0], '/');
        buf_release(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_tell_the_inputs),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(all_but_the_model_passes_as_it_came),
        cmocka_unit_test(providers_are_asked_in_their_words),
        cmocka_unit_test(more_inputs_than_a_call_takes_are_refused),
        cmocka_unit_test(answers_become_the_clients),
        cmocka_unit_test(numbers_stay_as_the_provider_spelt_them),
        cmocka_unit_test(every_kind_with_a_path_can_be_asked),
    };
    return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
