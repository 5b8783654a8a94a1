#include "engine/spoil.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const struct slice DONE = {"data: [DONE]\n\n", 14};

static struct slice tail_of(const struct buffer *out, size_t at)
{
    assert(at <= out->size);
    if (at == out->size)
        return (struct slice){0};
    return (struct slice){out->data + at, out->size - at};
}

/* --- lines and events ------------------------------------------------------------------------- */

/* With its line end. */
static size_t line_size(struct slice text)
{
    const char *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;

    return end != NULL ? (size_t)(end - text.data) + 1 : text.size;
}

static bool is_blank(struct slice line)
{
    return slice_trim(line).size == 0;
}

/* With the blank line that ends it. */
static size_t event_size(struct slice text)
{
    size_t size = 0;

    while (size < text.size) {
        struct slice rest = {text.data + size, text.size - size};
        struct slice line = {rest.data, line_size(rest)};

        size += line.size;
        if (is_blank(line))
            break;
    }
    return size;
}

static size_t last_event_at(const struct buffer *out, size_t at)
{
    size_t last = at;

    while (at < out->size) {
        last = at;
        at += event_size(tail_of(out, at));
    }
    return last;
}

/* --- cutting and pasting ---------------------------------------------------------------------- */

static void remove_bytes(struct buffer *out, size_t at, size_t size)
{
    assert(at + size <= out->size);
    if (size == 0)
        return;
    memmove(out->data + at, out->data + at + size, out->size - at - size);
    out->size -= size;
}

/* Makes room for `size` bytes at `at`, or returns NULL. */
static char *insert(struct buffer *out, size_t at, size_t size)
{
    size_t behind = out->size - at;

    if (buffer_reserve(out, size) == NULL)
        return NULL;
    memmove(out->data + at + size, out->data + at, behind);
    buffer_grown(out, size);
    return out->data + at;
}

/* --- quirks ----------------------------------------------------------------------------------- */

void spoil_event_names(struct buffer *out, size_t at)
{
    size_t from = at;

    while (from < out->size) {
        struct slice rest = tail_of(out, from);
        size_t size = line_size(rest);

        from += size;
        if (slice_starts_with(rest, SLICE("event:")))
            continue;
        memmove(out->data + at, rest.data, size);
        at += size;
    }
    out->size = at;
}

void spoil_line_ends(struct buffer *out, size_t at)
{
    size_t bare = 0, from;
    char *to;

    for (size_t i = at; i < out->size; i++)
        bare += out->data[i] == '\n' && (i == at || out->data[i - 1] != '\r');
    from = out->size;
    if (bare == 0 || buffer_reserve(out, bare) == NULL)
        return;
    buffer_grown(out, bare);
    to = out->data + out->size;
    while (from-- > at) { /* from the end, so that nothing is overwritten before it moved */
        char c = out->data[from];

        *--to = c;
        if (c == '\n' && (from == at || out->data[from - 1] != '\r'))
            *--to = '\r';
    }
}

/* Where the data of the last event ends: before the line ends behind it. */
static size_t data_ends_at(const struct buffer *out, size_t at)
{
    size_t end = out->size;

    while (end > at && (out->data[end - 1] == '\n' || out->data[end - 1] == '\r'))
        end--;
    return end;
}

void spoil_json(struct buffer *out, size_t at)
{
    size_t end = data_ends_at(out, at);

    if (end > at)
        remove_bytes(out, end - 1, 1);
}

void spoil_duplicate(struct buffer *out, size_t at)
{
    size_t last = last_event_at(out, at);
    size_t size = out->size - last;

    if (size > 0 && insert(out, last, size) != NULL)
        memcpy(out->data + last, out->data + last + size, size);
}

void spoil_order(struct buffer *out, size_t at)
{
    size_t first = event_size(tail_of(out, at));
    size_t second = event_size(tail_of(out, at + first));
    char *moved;

    if (second == 0)
        return;
    moved = insert(out, at, second);
    if (moved == NULL)
        return;
    memcpy(moved, out->data + at + second + first, second);
    remove_bytes(out, at + second + first, second);
}

/* The end of the buffer when there is none. */
static size_t done_at(const struct buffer *out, size_t at)
{
    while (at < out->size && !slice_starts_with(tail_of(out, at), SLICE("data: [DONE]")))
        at += event_size(tail_of(out, at));
    return at;
}

void spoil_done_missing(struct buffer *out, size_t at)
{
    size_t done = done_at(out, at);

    remove_bytes(out, done, event_size(tail_of(out, done)));
}

static void write_done(struct buffer *out, size_t at)
{
    char *room = insert(out, at, DONE.size);

    if (room != NULL)
        memcpy(room, DONE.data, DONE.size);
}

void spoil_done_early(struct buffer *out, size_t at)
{
    if (done_at(out, at) == out->size)
        return;
    spoil_done_missing(out, at);
    write_done(out, at);
}

void spoil_done_wrong(struct buffer *out, size_t at)
{
    if (done_at(out, at) == out->size)
        write_done(out, out->size);
}

void spoil_half(struct buffer *out, size_t at)
{
    out->size = at + event_size(tail_of(out, at)) / 2;
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* The event's data without what makes it an event. */
static struct slice data_of(struct slice event)
{
    struct slice data = slice_trim(event);
    struct slice name = SLICE("data:");

    if (slice_starts_with(data, name))
        data = (struct slice){data.data + name.size, data.size - name.size};
    return slice_trim(data);
}

void spoil_to_array(struct buffer *out, size_t at, bool is_first)
{
    size_t from = at;
    size_t end = out->size;

    while (from < end) {
        size_t size = event_size((struct slice){out->data + from, end - from});
        struct slice data = data_of((struct slice){out->data + from, size});
        struct slice before = is_first ? SLICE("[") : SLICE(",\r\n");

        /* "data: " and the blank line leave more room than a comma or bracket takes */
        assert(before.size + data.size <= size);
        memmove(out->data + at + before.size, data.data, data.size);
        memcpy(out->data + at, before.data, before.size);
        at += before.size + data.size;
        from += size;
        is_first = false;
    }
    out->size = at;
}

/* --- writes ----------------------------------------------------------------------------------- */

size_t spoil_write_inside_utf8(struct slice bytes)
{
    for (size_t i = 0; i + 1 < bytes.size; i++) {
        if (((unsigned char)bytes.data[i] & 0xC0) == 0xC0)
            return i + 1; /* behind the first byte of several */
    }
    return bytes.size;
}

size_t spoil_write_inside_crlf(struct slice bytes)
{
    for (size_t i = 0; i + 1 < bytes.size; i++) {
        if (bytes.data[i] == '\r' && bytes.data[i + 1] == '\n')
            return i + 1;
    }
    return bytes.size;
}
