/* fuzz_responses.c: any bytes through OpenAI Responses, in every direction. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_RESPONSES, (struct str){(const char *)data, len});
    return 0;
}
