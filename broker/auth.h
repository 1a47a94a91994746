/*
 * auth.h: who is a TCP client? Its key against the configured [client] hashes.
 */
#ifndef BROKER_AUTH_H
#define BROKER_AUTH_H

#include "core/conf.h"
#include "core/http1.h"

/*
 * `Authorization: Bearer KEY`, else `x-api-key: KEY`: what the OpenAI and Anthropic SDKs send
 * (their READMEs, 2026-11). ERR_AUTH when there is none or it belongs to nobody; all hashes are
 * compared in constant time, so that an answer's delay tells nothing. *ret is borrowed from c.
 */
enum errc auth_client(const struct conf *c, const struct http1_head *head,
                      const struct conf_client **ret, struct err *e) MUST_USE;

#endif
