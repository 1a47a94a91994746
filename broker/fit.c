/* fit.c: see fit.h. */
#include "broker/fit.h"

#include "core/jschema.h"
#include "core/jsonx.h"

void fit_init(struct fit *f)
{
    *f = (struct fit){.said = BUF_INIT(LIMIT_REPLY_LEN)};
}

void fit_release(struct fit *f)
{
    jx_put(&f->schema);
    buf_release(&f->said);
}

enum errc fit_start(struct fit *f, const struct msg_request *m, const struct dropped *d,
                    struct err *e)
{
    struct err why = ERR_INIT;
    if (!d->is_schema_cut || m->format != MSG_FORMAT_SCHEMA || m->schema.len == 0)
        return ERR_OK;
    enum errc rc = jx_parse(m->schema, &f->schema, &why);
    if (rc == ERR_OK)
        rc = jschema_examine(f->schema, NULL, &why);
    if (rc != ERR_OK)
        jx_put(&f->schema);
    return rc == ERR_MEMORY ? err_set(e, rc, "no memory for the schema") : ERR_OK;
}

void fit_hear(struct fit *f, const struct msg_delta *d)
{
    if (f->schema == NULL)
        return;
    if (d->kind == MSG_D_TEXT)
        buf_adds(&f->said, d->text);
    f->is_other |= d->kind == MSG_D_REFUSAL || d->kind == MSG_D_CALL;
}

void fit_hear_reply(struct fit *f, const struct msg_reply *r)
{
    for (size_t i = 0; i < r->n_parts && f->schema != NULL; i++) {
        const struct msg_part *p = &r->parts[i];
        if (p->kind == MSG_TEXT)
            buf_adds(&f->said, p->text);
        f->is_other |= p->kind == MSG_REFUSAL || p->kind == MSG_TOOL_CALL;
    }
}

static bool is_whole_answer(enum msg_finish finish)
{
    switch (finish) {
    case MSG_FINISH_STOP:
    case MSG_FINISH_STOP_SEQUENCE:
    case MSG_FINISH_NONE:
    case MSG_FINISH_UNKNOWN:
        return true;
    case MSG_FINISH_LENGTH:
    case MSG_FINISH_CONTEXT_FULL:
    case MSG_FINISH_TOOL:
    case MSG_FINISH_FILTERED:
    case MSG_FINISH_PAUSED:
        break;
    }
    return false;
}

enum errc fit_check(const struct fit *f, enum msg_finish finish, struct err *e)
{
    struct err why = ERR_INIT;
    AUTO(jx_put) struct json_object *value = NULL;
    if (f->schema == NULL || f->is_other || !is_whole_answer(finish))
        return ERR_OK;
    enum errc rc = buf_err(&f->said);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(&f->said), &value, &why);
    if (rc == ERR_OK)
        rc = jschema_check(f->schema, value, &why);
    if (rc == ERR_OK)
        return ERR_OK;
    if (rc == ERR_MEMORY)
        return err_set(e, rc, "no memory to check the answer against its schema");
    err_set(e, ERR_UNUSABLE, "the answer does not fit the schema that was asked for: %s",
            why.text);
    e->origin = ERR_BY_PROVIDER;
    return ERR_UNUSABLE;
}

struct str fit_said(const struct fit *f)
{
    return buf_str(&f->said);
}
