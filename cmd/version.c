/* version.c: `llmgw version`: what this is, what it was built from, where it looks. */
#include <json-c/json.h>
#include <sqlite3.h>
#include <zstd.h>

#include "cmd/cmd.h"
#include "cmd/out.h"

void cmd_version_text(struct cmd_ctx *ctx, bool verbose, struct buf *out)
{
    buf_printf(out, "llmgw %s\n", PACKAGE_VERSION);
    if (!verbose)
        return;
    (void)ctx;
    buf_printf(out, "compiler  %s\n", __VERSION__);
    buf_printf(out, "sqlite    %s\n", sqlite3_libversion());
    buf_printf(out, "json-c    %s\n", json_c_version());
    buf_printf(out, "zstd      %s\n", ZSTD_versionString());
    buf_printf(out, "programs  %s\n", LLMGW_BINDIR);
    buf_printf(out, "data      %s\n", LLMGW_DATADIR);
}

static enum errc run(struct cmd_ctx *ctx, void *options, const struct opt_args *args,
                     struct err *e)
{
    (void)options;
    (void)args;
    AUTO(buf_release) struct buf out = BUF_INIT(4096);
    cmd_version_text(ctx, true, &out);
    return out_write(ctx, buf_str(&out), e);
}

static const struct cmd_example examples[] = {
    {"llmgw version", "the version, and what it was built with"},
    {"llmgw --version", "the version, in one line"},
    {0},
};

const struct cmd_entry cmd_version = {
    .name = "version",
    .args = "",
    .summary = "show version, build, libraries and paths",
    .formats = 1 << FORMAT_TEXT,
    .preset = FORMAT_TEXT,
    .examples = examples,
    .run = run,
};
