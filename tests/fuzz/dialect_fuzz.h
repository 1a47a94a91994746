/*
 * dialect_fuzz.h: any bytes as a client's body, as a provider's answer and as its stream. What
 * is taken must be valid JSON again on the other side; nothing may crash or leak.
 */
#ifndef TESTS_FUZZ_DIALECT_FUZZ_H
#define TESTS_FUZZ_DIALECT_FUZZ_H

#include <stdint.h>

#include "broker/dialect.h"

void dialect_fuzz(enum dialect d, struct str bytes);

#endif
