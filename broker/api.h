/*
 * api.h: what the handlers behind the path table share.
 */
#ifndef BROKER_API_H
#define BROKER_API_H

#include "broker/broker.h"
#include "broker/conn.h"
#include "broker/dialect.h"

struct api_call {
    struct broker *b;
    struct conn *c;
    const struct conn_request *r;
    const struct dialect_ops *dialect; /* shape of errors, and of what has two shapes */
    struct str rest;                   /* the path behind a prefix row's prefix */
};

typedef void api_fn(const struct api_call *a);

/* Answers with JSON, or with an error in the call's dialect. */
void api_reply(const struct api_call *a, int status, struct str json);
void api_fail(const struct api_call *a, const struct err *e);

/* api_models.c: GET /v1/models and /v1/models/{id}, in both shapes */
api_fn api_models, api_model;
/* api_metrics.c: GET /metrics, /healthz, /readyz */
api_fn api_metrics, api_healthz, api_readyz;
/* api_admin.c: /llmgw/v1/…, over the Unix socket only */
api_fn api_status, api_stop, api_reload, api_explain, api_targets, api_pin, api_unpin,
    api_drain, api_undrain, api_weight, api_unweight, api_prefer, api_unprefer, api_retry,
    api_models_refresh, api_models_served, api_inflight, api_cancel, api_log_rm,
    api_replay;

#endif
