/*
 * cap.h: what a provider's refusal says of an output cap that was too high.
 */
#ifndef BROKER_CAP_H
#define BROKER_CAP_H

#include "core/err.h"

/*
 * The cap in tokens with which the request would have been taken; −1: the refusal is about
 * something else, or what would be left is no answer. `sent_tok` was asked for, −1: nothing was;
 * `model_tok` is the model's own by the catalog, 0 if not known. *ret_is_model: it holds for
 * whatever is asked, and may be remembered.
 */
int64_t cap_of_refusal(const struct err *e, int64_t sent_tok, int64_t model_tok,
                       bool *ret_is_model);

#endif
