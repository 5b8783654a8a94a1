#include "secrets.h"

#include <string.h>

#define MASK "***"

bool secrets_is_key_header(struct slice name)
{
    return slice_is_nocase(name, SLICE("authorization")) ||
           slice_is_nocase(name, SLICE("x-api-key")) ||
           slice_is_nocase(name, SLICE("x-goog-api-key")) ||
           slice_is_nocase(name, SLICE("api-key"));
}

static bool is_secret(struct slice name)
{
    return secrets_is_key_header(name) || slice_is_nocase(name, SLICE("cookie")) ||
           slice_is_nocase(name, SLICE("proxy-authorization"));
}

/* Schemes are words; anything else before the first space may be part of the secret. */
static bool is_scheme(struct slice word)
{
    return slice_is_nocase(word, SLICE("bearer")) || slice_is_nocase(word, SLICE("basic")) ||
           slice_is_nocase(word, SLICE("digest"));
}

void secrets_write_header(struct slice name, struct slice value, struct buffer *out)
{
    struct slice rest = value;
    struct slice scheme;

    if (!is_secret(name)) {
        buffer_append(out, value);
        return;
    }
    if (slice_cut(&rest, ' ', &scheme) && rest.size > 0 && is_scheme(scheme)) {
        buffer_append(out, scheme);
        buffer_byte(out, ' ');
    }
    buffer_text(out, MASK);
}

void secrets_split_path(struct slice path, struct slice *before, struct slice *query)
{
    const char *mark = path.size > 0 ? memchr(path.data, '?', path.size) : NULL;

    *before = path;
    *query = (struct slice){0};
    if (mark == NULL)
        return;
    before->size = (size_t)(mark - path.data);
    *query = (struct slice){mark + 1, path.size - before->size - 1};
}

bool secrets_is_key_member(struct slice member)
{
    return slice_starts_with(member, SLICE("key="));
}

void secrets_write_path(struct slice path, struct buffer *out)
{
    struct slice before, query, member;
    char separator = '?';

    secrets_split_path(path, &before, &query);
    buffer_append(out, before);
    while (slice_cut(&query, '&', &member)) {
        buffer_byte(out, separator);
        separator = '&';
        buffer_append(out, secrets_is_key_member(member) ? SLICE("key=" MASK) : member);
    }
}

bool secrets_are_equal(struct slice a, struct slice b)
{
    unsigned char difference = a.size != b.size;

    for (size_t i = 0; i < a.size && b.size > 0; i++)
        difference |= (unsigned char)(a.data[i] ^ b.data[i % b.size]);
    return difference == 0;
}
