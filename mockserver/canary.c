#include "canary.h"

#include <string.h>

#include "secrets.h"

static bool is_known(const struct canaries *canaries, struct slice text)
{
    for (uint32_t i = 0; i < canaries->count; i++)
        if (slice_is((struct slice){canaries->list[i].text, canaries->list[i].size}, text))
            return true;
    return false;
}

enum rc canaries_add(struct canaries *canaries, struct slice text, struct error *err)
{
    struct canary *canary = &canaries->list[canaries->count];

    if (text.size < CANARY_BYTES_MIN || text.size > CANARY_BYTES_MAX)
        return error_set(err, RC_MALFORMED, "a canary of %zu bytes: expected %d to %d", text.size,
                         CANARY_BYTES_MIN, CANARY_BYTES_MAX);
    if (is_known(canaries, text))
        return RC_OK;
    if (canaries->count == CANARIES_MAX)
        return error_set(err, RC_LIMIT, "at most %d canaries", CANARIES_MAX);
    memcpy(canary->text, text.data, text.size);
    canary->size = (uint32_t)text.size;
    canaries->count++;
    return RC_OK;
}

static bool is_any_in(const struct canaries *canaries, struct slice text)
{
    for (uint32_t i = 0; i < canaries->count; i++) {
        const struct canary *canary = &canaries->list[i];

        if (text.size >= canary->size &&
            memmem(text.data, text.size, canary->text, canary->size) != NULL)
            return true;
    }
    return false;
}

static bool is_in_path(const struct canaries *canaries, struct slice path)
{
    struct slice before, query, member;

    secrets_split_path(path, &before, &query);
    if (is_any_in(canaries, before))
        return true;
    while (slice_cut(&query, '&', &member))
        if (!secrets_is_key_member(member) && is_any_in(canaries, member))
            return true;
    return false;
}

bool canaries_are_in(const struct canaries *canaries, const struct http_request *http)
{
    if (canaries->count == 0)
        return false;
    if (is_in_path(canaries, http->path) || is_any_in(canaries, http->body))
        return true;
    for (uint32_t i = 0; i < http->headers_count; i++) {
        const struct http_header *header = &http->headers[i];

        if (!secrets_is_key_header(header->name) && is_any_in(canaries, header->value))
            return true;
    }
    return false;
}
