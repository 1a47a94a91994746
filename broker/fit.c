/* fit.c: see fit.h. */
#include "broker/fit.h"

#include "core/jschema.h"
#include "core/jsonx.h"

void fit_init(struct fit *f)
{
    *f = (struct fit){.schema = NULL};
}

void fit_release(struct fit *f)
{
    jx_put(&f->schema);
    for (size_t i = 0; i < ARRAY_LEN(f->said); i++)
        buf_release(&f->said[i]);
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
    for (size_t i = 0; i < ARRAY_LEN(f->said); i++)
        buf_init(&f->said[i], LIMIT_REPLY_LEN);
    if (rc != ERR_OK)
        jx_put(&f->schema);
    return rc == ERR_MEMORY ? err_set(e, rc, "no memory for the schema") : ERR_OK;
}

/* Told as what it is, and not judged: one that is cut short, refused or a call. */
static bool is_cut_short(enum msg_finish finish)
{
    switch (finish) {
    case MSG_FINISH_STOP:
    case MSG_FINISH_STOP_SEQUENCE:
    case MSG_FINISH_NONE:
    case MSG_FINISH_UNKNOWN:
        return false;
    case MSG_FINISH_LENGTH:
    case MSG_FINISH_CONTEXT_FULL:
    case MSG_FINISH_TOOL:
    case MSG_FINISH_FILTERED:
    case MSG_FINISH_PAUSED:
        break;
    }
    return true;
}

void fit_hear(struct fit *f, const struct msg_delta *d)
{
    unsigned bit = 1U << d->choice;
    if (f->schema == NULL)
        return;
    f->begun |= bit;
    if (d->kind == MSG_D_TEXT)
        buf_adds(&f->said[d->choice], d->text);
    if (d->kind == MSG_D_REFUSAL || d->kind == MSG_D_CALL ||
        (d->kind == MSG_D_FINISH && is_cut_short(d->finish)))
        f->free |= bit;
}

static void hear_choice(struct fit *f, unsigned choice, const struct msg_reply *r)
{
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct msg_part *p = &r->parts[i];
        enum msg_delta_kind kind = p->kind == MSG_TEXT        ? MSG_D_TEXT
                                   : p->kind == MSG_REFUSAL   ? MSG_D_REFUSAL
                                   : p->kind == MSG_TOOL_CALL ? MSG_D_CALL
                                                              : MSG_D_THINKING;
        fit_hear(f, &(struct msg_delta){.kind = kind, .choice = choice, .text = p->text});
    }
    fit_hear(f, &(struct msg_delta){
                    .kind = MSG_D_FINISH, .choice = choice, .finish = r->finish});
}

void fit_hear_reply(struct fit *f, const struct msg_reply *r)
{
    hear_choice(f, 0, r);
    for (unsigned i = 0; i < r->n_more; i++)
        hear_choice(f, i + 1, &r->more[i]);
}

static enum errc check_choice(const struct fit *f, const struct buf *said, struct err *e)
{
    struct err why = ERR_INIT;
    AUTO(jx_put) struct json_object *value = NULL;
    enum errc rc = buf_err(said);
    if (rc == ERR_OK)
        rc = jx_parse(buf_str(said), &value, &why);
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

enum errc fit_check(const struct fit *f, struct str *ret_said, struct err *e)
{
    for (unsigned i = 0; f->schema != NULL && i < ARRAY_LEN(f->said); i++) {
        bool is_judged = ((i == 0 || f->begun >> i & 1) && !(f->free >> i & 1));
        if (!is_judged || check_choice(f, &f->said[i], e) == ERR_OK)
            continue;
        *ret_said = buf_str(&f->said[i]);
        return e->code;
    }
    return ERR_OK;
}
