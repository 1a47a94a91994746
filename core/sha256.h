/*
 * sha256.h: SHA-256, for the hashes of client keys and of trusted files.
 *
 * Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.3.3 and 6.2.
 */
#ifndef CORE_SHA256_H
#define CORE_SHA256_H

#include "core/str.h"

enum { SHA256_LEN = 32, SHA256_TEXT_LEN = 7 + 2 * SHA256_LEN + 1 };

void sha256(struct str s, uint8_t out[SHA256_LEN]);
/* "sha256:" and 64 hexadecimal digits. */
void sha256_text(struct str s, char out[SHA256_TEXT_LEN]);

#endif
