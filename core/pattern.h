/*
 * pattern.h: regular expressions as JSON Schema writes them, in time that no text can blow up.
 *
 * JSON Schema's `pattern` is ECMA-262, which regcomp(3) does not speak: \d, \w, (?:…) and the
 * lazy forms mean other things there, and it depends on the locale. This is the part of
 * ECMA-262 (with the flag u: a character is a code point) that needs no backtracking:
 *
 *   literals  .  ^  $  |  (…)  (?:…)  (?<name>…)  [a-z]  [^a-z]  \d \D \w \W \s \S  \b \B
 *   * + ? {n} {n,} {n,m} and their lazy forms  \t \n \v \f \r \0 \cX \xHH \uHHHH \u{H…}
 *
 * Look-around, back references and \p{…} are refused, like what is malformed, so that a caller
 * can say "not checked" instead of giving a wrong verdict.
 * Source: ECMA-262, "RegExp (Regular Expression) Objects"; JSON Schema 2020-12 core, section 6.4.
 */
#ifndef CORE_PATTERN_H
#define CORE_PATTERN_H

#include "core/err.h"
#include "core/str.h"

struct pattern;

/* pattern_free() the result. ERR_INVALID names the place; ERR_TOO_LARGE; ERR_MEMORY. */
enum errc pattern_new(struct str source, struct pattern **ret, struct err *e) MUST_USE;
void pattern_free(struct pattern **p);
/*
 * Does it match somewhere in the text? Takes one from *steps for each instruction tried;
 * ERR_TOO_LARGE, without a text, when they are used up. ERR_MEMORY.
 */
enum errc pattern_search(const struct pattern *p, struct str text, size_t *steps,
                         bool *ret_found) MUST_USE;

#endif
