/* fuzz_openai.c: any bytes through the OpenAI dialect, in every direction. */
#include "tests/fuzz/dialect_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dialect_fuzz(DIALECT_OPENAI, (struct str){(const char *)data, len});
    return 0;
}
