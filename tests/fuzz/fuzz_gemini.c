/* fuzz_gemini.c: any bytes through Gemini's dialect, as a provider's answer. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_GEMINI, (struct str){(const char *)data, len});
    return 0;
}
