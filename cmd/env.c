/*
 * env.c: `llmgw env`: shell text that points SDKs and other programs at the broker.
 *
 * Sources, 2026-11: OPENAI_BASE_URL and OPENAI_API_KEY: openai-python README, "Configuring the
 * HTTP client"; ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY: anthropic-sdk-python README and Claude
 * Code, "Environment variables". The first includes /v1, the second does not.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/out.h"

struct env_options {
    bool tcp;
};

static const struct option_row options[] = {
    {0, "tcp", OPT_FLAG, .offset = offsetof(struct env_options, tcp),
     .help = "for programs that speak TCP only, as most SDKs do; needs [broker] listen"},
    {0},
};

/* In single quotes, as any POSIX shell reads it back. */
static void quote(struct buf *out, const char *s)
{
    buf_addc(out, '\'');
    for (; *s != '\0'; s++)
        if (*s == '\'')
            buf_addz(out, "'\\''");
        else
            buf_addc(out, *s);
    buf_addc(out, '\'');
}

static enum errc write_tcp(const struct cmd_ctx *ctx, struct buf *out, struct err *e)
{
    static const char key[] =
        "\"${LLMGW_CLIENT_KEY:?set it to the key that llmgw client add has shown}\"";
    const char *listen = ctx->conf->broker.listen;
    if (listen == NULL)
        return err_set(e, ERR_CONFIG,
                       "the broker does not listen on TCP\nhint: llmgw config set "
                       "broker.listen 127.0.0.1:4100");
    const char *port = strrchr(listen, ':');
    if (port != NULL && strcmp(port, ":0") == 0)
        return err_set(e, ERR_CONFIG,
                       "the broker takes any free port\nhint: give it one: llmgw config "
                       "set broker.listen 127.0.0.1:4100");
    buf_printf(out, "export OPENAI_BASE_URL='http://%s/v1'\n", listen);
    buf_printf(out, "export OPENAI_API_KEY=%s\n", key);
    buf_printf(out, "export ANTHROPIC_BASE_URL='http://%s'\n", listen);
    buf_printf(out, "export ANTHROPIC_API_KEY=%s\n", key);
    return ERR_OK;
}

static enum errc write_socket(struct cmd_ctx *ctx, struct buf *out, struct err *e)
{
    const char *path = NULL;
    enum errc rc = conf_path_socket(&ctx->arena, ctx->conf, ctx->global.socket,
                                    cmd_getenv, &path, e);
    if (rc != ERR_OK)
        return rc;
    buf_addz(out, "export LLMGW_SOCKET=");
    quote(out, path);
    buf_addz(out,
             "\n"
             "# No key is needed on the socket. A client must be told to use it:\n"
             "#   curl:   curl --unix-socket \"$LLMGW_SOCKET\" http://llmgw/v1/models\n"
             "#   httpx:  OpenAI(base_url=\"http://llmgw/v1\", api_key=\"-\",\n"
             "#             http_client=httpx.Client(transport=\n"
             "#               httpx.HTTPTransport(uds=os.environ[\"LLMGW_SOCKET\"])))\n"
             "# For programs that speak TCP only: llmgw env --tcp\n");
    return ERR_OK;
}

static enum errc run(struct cmd_ctx *ctx, void *opts, const struct opt_args *args,
                     struct err *e)
{
    const struct env_options *o = opts;
    AUTO(buf_release) struct buf out = BUF_INIT(16 * 1024);
    if (args->n > 0)
        return err_set(e, ERR_USAGE, "usage: llmgw env [--tcp]");
    enum errc rc = o->tcp ? write_tcp(ctx, &out, e) : write_socket(ctx, &out, e);
    return rc == ERR_OK ? out_write(ctx, buf_str(&out), e) : rc;
}

static const struct cmd_example examples[] = {
    {"eval \"$(llmgw env --tcp)\"", "point SDKs in this shell at the broker"},
    {0},
};

const struct cmd_entry cmd_env = {
    .name = "env",
    .args = "[--tcp]",
    .summary = "exports that point SDKs at the broker",
    .options = options,
    .options_size = sizeof(struct env_options),
    .needs = CMD_CONF,
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
