/* fuzz_bedrock.c: any bytes through Bedrock's dialect, as a provider's answer. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_BEDROCK, (struct str){(const char *)data, len});
    return 0;
}
