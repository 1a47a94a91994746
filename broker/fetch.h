/*
 * fetch.h: what a request names by URL, fetched for targets that fetch nothing from the web
 * themselves. Only from hosts that [broker] fetch-host lists.
 */
#ifndef BROKER_FETCH_H
#define BROKER_FETCH_H

#include "broker/dialect.h"

struct request;
struct fetches;

/*
 * Is something on its way that this candidate needs and cannot fetch? What has not been asked for
 * is asked for now. When all has come, or failed, the request's wait is over. What came, and why
 * what did not come did not, stays for all candidates.
 */
bool fetch_is_coming(struct request *r, size_t i);
/* Notes what a provider of this dialect would need, and asks for nothing. */
void fetch_plan(struct request *r, const struct dialect_ops *ops);
/* What there is, for target_caps; as long as the request. */
const struct media *fetch_media(const struct request *r, size_t *ret_n);
/* No callback comes after it; what has come stays. */
void fetch_stop(struct request *r);
void fetch_release(struct request *r);

/*
 * Of what is listed, "host", "*.domain" or either with ":port", the host of the URL, which a
 * request may be sent to; STR_NONE: it may not. Only https and the port 443 where none is listed;
 * http for a loopback address that is listed as such. *ret_is_literal: the entry is an address, and
 * says itself where it leads.
 */
struct str fetch_host(struct str url, const char *const *hosts, size_t n,
                      bool *ret_is_literal);

#endif
