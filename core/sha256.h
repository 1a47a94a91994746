/*
 * sha256.h: SHA-256, for the hashes of client keys and of trusted files.
 *
 * Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.3.3 and 6.2.
 */
#ifndef CORE_SHA256_H
#define CORE_SHA256_H

#include "core/str.h"

enum { SHA256_LEN = 32, SHA256_HEX_LEN = 2 * SHA256_LEN };

void sha256(struct str s, uint8_t out[SHA256_LEN]);
/* The same as lower-case hexadecimal text. */
void sha256_hex(struct str s, char out[SHA256_HEX_LEN + 1]);

#endif
