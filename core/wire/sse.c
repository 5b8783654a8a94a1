#include "wire/sse.h"

#include <assert.h>
#include <string.h>

/* The bytes of a feed are cut into lines at whichever comes first, the next LF or the next CR. Both
 * places are remembered, so that each byte is searched twice at memchr's speed and never again,
 * whatever line ends a server mixes.
 *
 *     fed:  ...done...|data: {"a":1}\n\ndata: ...          lf, cr: next of each, or the end
 *                      ^fed.data    ^lf                                                       */

/* A line may be this much longer than an event's data: "data: ", a BOM, a name we know. */
enum { LINE_SPARE = 64 };

static const struct slice BOM = {"\xEF\xBB\xBF", 3};

static size_t add_capped(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

void sse_init(struct sse *s, const struct memory *memory, size_t event_bytes_max)
{
    *s = (struct sse){0};
    buffer_init(&s->line, memory, add_capped(event_bytes_max, LINE_SPARE));
    buffer_init(&s->data, memory, event_bytes_max);
}

void sse_deinit(struct sse *s)
{
    buffer_deinit(&s->line);
    buffer_deinit(&s->data);
    *s = (struct sse){0};
}

void sse_clear(struct sse *s)
{
    struct buffer line = s->line, data = s->data;

    *s = (struct sse){.line = line, .data = data};
    buffer_clear(&s->line);
    buffer_clear(&s->data);
}

/* The first such byte, or the end. */
static const char *find(struct slice bytes, char c)
{
    const char *found;

    if (bytes.size == 0)
        return bytes.data;
    found = memchr(bytes.data, c, bytes.size);
    return found != NULL ? found : bytes.data + bytes.size;
}

void sse_feed(struct sse *s, struct slice bytes)
{
    if (s->rc != RC_OK || bytes.size == 0)
        return;
    assert(s->fed.size == 0); /* sse_next answered RC_AGAIN */
    s->fed = bytes;
    s->lf = find(bytes, '\n');
    s->cr = find(bytes, '\r');
}

static enum rc fail(struct sse *s, enum rc rc)
{
    s->rc = rc;
    return rc;
}

static void advance(struct sse *s, size_t size)
{
    s->fed = (struct slice){s->fed.data + size, s->fed.size - size};
    if (s->lf < s->fed.data)
        s->lf = find(s->fed, '\n');
    if (s->cr < s->fed.data)
        s->cr = find(s->fed, '\r');
}

/* The first data line of an event is only pointed at. It is copied when another joins it, or when
 * the bytes it lies in go away before the event has ended. */
static enum rc keep_data(struct sse *s)
{
    if (!s->is_direct)
        return RC_OK;
    s->is_direct = false;
    buffer_append(&s->data, s->direct);
    return s->data.rc != RC_OK ? fail(s, s->data.rc) : RC_OK;
}

/* The fed bytes are used up: keeps what the next feed must find. Data first, because it may lie in
 * s->line. */
static enum rc carry(struct sse *s)
{
    TRY(keep_data(s));
    if (s->fed.size > 0)
        buffer_append(&s->line, s->fed);
    s->fed = (struct slice){0};
    return s->line.rc != RC_OK ? fail(s, s->line.rc) : RC_AGAIN;
}

/* One line without its end, borrowed from the feed or from s->line. RC_AGAIN when its end has not
 * come yet. After a CR the line is out at once; whether an LF belongs to it shows in the next. */
static enum rc take_line(struct sse *s, struct slice *line)
{
    const char *end;
    size_t size;
    bool is_cr;

    if (s->after_cr && s->fed.size > 0) {
        s->after_cr = false;
        if (s->fed.data[0] == '\n')
            advance(s, 1);
    }
    if (s->fed.size == 0)
        return carry(s);
    end = s->lf < s->cr ? s->lf : s->cr;
    size = (size_t)(end - s->fed.data);
    if (size == s->fed.size)
        return carry(s);
    if (size > s->line.ceiling) /* as if it had been carried: a cut must not change the outcome */
        return fail(s, RC_LIMIT);
    is_cr = *end == '\r';
    *line = (struct slice){s->fed.data, size};
    if (s->line.size > 0) {
        buffer_append(&s->line, *line);
        if (s->line.rc != RC_OK)
            return fail(s, s->line.rc);
        *line = buffer_slice(&s->line);
    }
    advance(s, size + 1);
    s->after_cr = is_cr;
    return RC_OK;
}

static enum rc add_data(struct sse *s, struct slice value)
{
    if (s->has_data) {
        TRY(keep_data(s));
        buffer_byte(&s->data, '\n');
        buffer_append(&s->data, value);
        return s->data.rc != RC_OK ? fail(s, s->data.rc) : RC_OK;
    }
    if (value.size > s->data.ceiling)
        return fail(s, RC_LIMIT);
    s->has_data = true;
    s->is_direct = true;
    s->direct = value;
    return RC_OK;
}

static void set_name(struct sse *s, struct slice value)
{
    s->name_size = value.size < sizeof(s->name) ? value.size : sizeof(s->name);
    if (s->name_size > 0)
        memcpy(s->name, value.data, s->name_size);
}

/* A line that is not empty: a comment, "field: value", "field:value" or "field". */
static enum rc read_field(struct sse *s, struct slice line)
{
    struct slice value = line, field = line;

    if (line.data[0] == ':') {
        s->comments++;
        return RC_OK;
    }
    slice_cut(&value, ':', &field);
    if (value.size > 0 && value.data[0] == ' ')
        value = (struct slice){value.data + 1, value.size - 1};
    if (slice_is(field, SLICE("data")))
        return add_data(s, value);
    if (slice_is(field, SLICE("event")))
        set_name(s, value);
    return RC_OK;
}

static void begin_event(struct sse *s)
{
    s->name_size = 0;
    s->has_data = false;
    s->is_direct = false;
    s->is_handed_out = false;
    buffer_clear(&s->data);
}

static void hand_out(struct sse *s, struct sse_event *event)
{
    event->name = (struct slice){s->name, s->name_size};
    event->data = s->is_direct ? s->direct : buffer_slice(&s->data);
    s->is_handed_out = true;
}

/* RC_END when the line ends an event. */
static enum rc read_line(struct sse *s, struct slice line)
{
    enum rc rc = RC_OK;

    if (!s->has_begun && slice_starts_with(line, BOM))
        line = (struct slice){line.data + BOM.size, line.size - BOM.size};
    s->has_begun = true;
    if (line.size > 0)
        rc = read_field(s, line);
    else if (s->has_data)
        rc = RC_END;
    else
        s->name_size = 0; /* an event without data is none, and its name is forgotten */
    buffer_clear(&s->line);
    return rc;
}

enum rc sse_next(struct sse *s, struct sse_event *event)
{
    struct slice line;
    enum rc rc;

    if (s->rc != RC_OK)
        return s->rc;
    if (s->is_handed_out)
        begin_event(s);
    do {
        TRY(take_line(s, &line));
        rc = read_line(s, line);
    } while (rc == RC_OK);
    if (rc != RC_END)
        return rc;
    hand_out(s, event);
    return RC_OK;
}

bool sse_has_rest(const struct sse *s)
{
    return s->line.size > 0 || (!s->is_handed_out && (s->has_data || s->name_size > 0));
}

void sse_write(struct buffer *out, struct slice name, struct slice data)
{
    if (name.size > 0) {
        buffer_append(out, SLICE("event: "));
        buffer_append(out, name);
        buffer_byte(out, '\n');
    }
    for (;;) {
        const char *lf = find(data, '\n');
        struct slice line = {data.data, (size_t)(lf - data.data)};

        buffer_append(out, SLICE("data: "));
        buffer_append(out, line);
        buffer_byte(out, '\n');
        if (line.size == data.size)
            break;
        data = (struct slice){lf + 1, data.size - line.size - 1};
    }
    buffer_byte(out, '\n');
}
