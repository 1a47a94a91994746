/* fuzz_cohere.c: any bytes through Cohere's dialect, as a provider's answer. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_COHERE, (struct str){(const char *)data, len});
    return 0;
}
