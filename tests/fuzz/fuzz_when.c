/* fuzz_when.c: any text as a condition: what the check takes, the decision can read. */
#include <stdlib.h>
#include <string.h>

#include "core/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct err e = ERR_INIT;
    const struct route_facts facts = {.input_tok = 1000, .template_name = {"t", 1}};
    bool is_sound = when_check(text, &e) == ERR_OK;
    if (when_holds(text, &facts) && !is_sound)
        abort();
    if (!is_sound && e.text[0] == '\0')
        abort();
    free(text);
    return 0;
}
