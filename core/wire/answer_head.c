#include "wire/answer_head.h"

#include <string.h>

#include "base/attributes.h"
#include "wire/http_date.h"

static const nanos WAIT_MAX = 3653 * 86400 * NANOS_S; /* ten years */

void answer_head_clear(struct answer_head *h)
{
    *h = (struct answer_head){0};
}

/* --- lines ------------------------------------------------------------------------------------ */

/* "HTTP/1.1 200 OK", "HTTP/2 200". A status that is none stays 0. */
static void read_status(struct answer_head *h, struct slice line)
{
    struct slice version, code;
    uint64_t status;

    answer_head_clear(h);
    if (!slice_cut(&line, ' ', &version) || !slice_cut(&line, ' ', &code))
        return;
    if (code.size == 3 && slice_u64(code, &status))
        h->status = (uint16_t)status;
}

static void read_content_type(struct answer_head *h, struct slice value)
{
    struct slice type = {0};

    if (h->has_type)
        return;
    h->has_type = true;
    slice_cut(&value, ';', &type);
    type = slice_trim(type);
    h->is_stream = slice_is_nocase(type, SLICE("text/event-stream"));
    h->is_json = slice_is_nocase(type, SLICE("application/json"));
}

/* The first header of a name counts. One too long to be a time is kept as an empty one: its
 * beginning alone might look like something to obey. */
static void keep_first(bool *has, char *kept, size_t capacity, struct slice value)
{
    if (!*has && !slice_copy(value, kept, capacity))
        kept[0] = '\0';
    *has = true;
}

static void keep_first_text(char *kept, size_t capacity, struct slice value)
{
    if (kept[0] == '\0')
        slice_copy(value, kept, capacity);
}

void answer_head_line(struct answer_head *h, struct slice line)
{
    struct slice name, value;

    line = slice_trim(line);
    if (slice_starts_with(line, SLICE("HTTP/"))) {
        read_status(h, line);
        return;
    }
    value = line;
    if (!slice_cut(&value, ':', &name) || name.size == line.size)
        return;
    value = slice_trim(value);
    if (slice_is_nocase(name, SLICE("content-type")))
        read_content_type(h, value);
    else if (slice_is_nocase(name, SLICE("retry-after")))
        keep_first(&h->has_retry_after, h->retry_after, sizeof(h->retry_after), value);
    else if (slice_is_nocase(name, SLICE("retry-after-ms")))
        keep_first(&h->has_retry_after_ms, h->retry_after_ms, sizeof(h->retry_after_ms), value);
    else if (slice_is_nocase(name, SLICE("date")))
        keep_first(&h->has_date, h->date, sizeof(h->date), value);
    else if (slice_is_nocase(name, SLICE("x-should-retry")))
        keep_first_text(h->should_retry, sizeof(h->should_retry), value);
    else if (slice_is_nocase(name, SLICE("request-id")) ||
             slice_is_nocase(name, SLICE("x-request-id")))
        keep_first_text(h->request_id, sizeof(h->request_id), value);
}

/* --- advice ----------------------------------------------------------------------------------- */

/* "12" or "0.129" of a unit, rounded up to the next nanosecond. Digits and one point: no sign, no
 * exponent, no "NaN". By integers, because 0.129 has no exact double and 17 digits are common. */
static enum rc read_wait(struct slice text, nanos unit, nanos *wait)
{
    struct slice fraction = text, whole_text;
    nanos place = unit, sum;
    uint64_t whole;
    bool has_more = false; /* digits beyond the nanosecond */

    if (!slice_cut(&fraction, '.', &whole_text) || !slice_u64(whole_text, &whole))
        return RC_MALFORMED;
    if (whole_text.size < text.size && fraction.size == 0)
        return RC_MALFORMED; /* "1." */
    if (whole > (uint64_t)(WAIT_MAX / unit))
        return RC_LIMIT;
    sum = (nanos)whole * unit;
    for (size_t i = 0; i < fraction.size; i++) {
        char c = fraction.data[i];

        if (c < '0' || c > '9')
            return RC_MALFORMED;
        place /= 10;
        sum += place * (c - '0');
        has_more |= place == 0 && c != '0';
    }
    sum += has_more;
    if (sum > WAIT_MAX)
        return RC_LIMIT;
    *wait = sum;
    return RC_OK;
}

/* How far ahead a date lies, by the clock of the server that wrote it. */
static enum rc read_date(const struct answer_head *h, int64_t wall_unix_ns, nanos *wait)
{
    int64_t then_s, now_s;
    nanos now_rest = 0;

    TRY(http_date_read(slice_of(h->retry_after), &then_s));
    if (http_date_read(slice_of(h->date), &now_s) != RC_OK) {
        now_s = wall_unix_ns / NANOS_S;
        now_rest = wall_unix_ns % NANOS_S;
    }
    if (then_s - now_s > WAIT_MAX / NANOS_S)
        return RC_LIMIT;
    if (then_s <= now_s) /* in seconds first: the year 1 is further away than nanos reach */
        return RC_LIMIT;
    *wait = (then_s - now_s) * NANOS_S - now_rest;
    return RC_OK;
}

static enum should_retry should_retry(const struct answer_head *h)
{
    if (strcmp(h->should_retry, "true") == 0)
        return SHOULD_RETRY_YES;
    if (strcmp(h->should_retry, "false") == 0)
        return SHOULD_RETRY_NO;
    return SHOULD_RETRY_UNSAID;
}

/* The form of the first usable header; its wait then is above 0, and else still 0. */
static enum advice_form read_advice(const struct answer_head *h, int64_t wall_unix_ns, nanos *wait)
{
    struct slice after = slice_of(h->retry_after);

    if (!h->has_retry_after_ms && !h->has_retry_after)
        return ADVICE_NONE;
    if (read_wait(slice_of(h->retry_after_ms), NANOS_MS, wait) == RC_OK && *wait > 0)
        return ADVICE_MS;
    if (read_wait(after, NANOS_S, wait) == RC_OK && *wait > 0)
        return slice_has(after, SLICE(".")) ? ADVICE_FRACTION : ADVICE_SECONDS;
    if (read_date(h, wall_unix_ns, wait) == RC_OK)
        return ADVICE_DATE;
    return ADVICE_UNUSABLE;
}

struct advice answer_head_advice(const struct answer_head *h, int64_t wall_unix_ns)
{
    struct advice advice = {.should_retry = should_retry(h)};

    advice.form = read_advice(h, wall_unix_ns, &advice.wait);
    return advice;
}
