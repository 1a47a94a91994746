/* fuzz_anthropic.c: any bytes through the Anthropic dialect, in every direction. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_ANTHROPIC, (struct str){(const char *)data, len});
    return 0;
}
