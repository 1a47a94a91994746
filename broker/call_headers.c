/* call_headers.c: see call_headers.h. */
#include "broker/call_headers.h"

void call_headers_release(struct call_headers *h)
{
    buf_release(&h->text);
}

void call_header(struct call_headers *h, const char *name, struct str value)
{
    if (h->n < CALL_HEADERS_MAX)
        h->items[h->n++] = (struct http1_header){str_of(name), value};
}

/* Header lines, as dialects write them. */
void call_header_lines(struct call_headers *h, struct str lines)
{
    struct str line;
    while (h->n < CALL_HEADERS_MAX && str_split(&lines, '\n', &line)) {
        size_t colon = str_find(line, ':');
        if (colon < line.len)
            h->items[h->n++] = (struct http1_header){
                str_sub(line, 0, colon), str_trim(str_sub(line, colon + 1, line.len))};
    }
}

void call_credentials(struct call_headers *h, enum auth_style style, struct str key)
{
    switch (style) {
    case AUTH_NONE:
        break;
    case AUTH_BEARER:
    case AUTH_AWS:
        buf_addz(&h->text, "Bearer ");
        buf_adds(&h->text, key);
        call_header(h, "authorization", buf_str(&h->text));
        break;
    case AUTH_X_API_KEY:
        call_header(h, "x-api-key", key);
        break;
    case AUTH_API_KEY:
        if (!str_starts(key, STR("eyJ"))) { /* a token of Entra's is JSON, in base64 */
            call_header(h, "api-key", key);
            break;
        }
        buf_addz(&h->text, "Bearer ");
        buf_adds(&h->text, key);
        call_header(h, "authorization", buf_str(&h->text));
        break;
    case AUTH_GOOGLE:
        call_header(h, "x-goog-api-key", key);
        break;
    }
}
