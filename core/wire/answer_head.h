#ifndef WIRE_ANSWER_HEAD_H
#define WIRE_ANSWER_HEAD_H

/* The head of an answer as a client keeps it: the status and the few headers that matter, copied
 * into a fixed space, and the retry advice read from them. Both transports fill it line by line.
 *
 * Advice (wire-facts.md §5.1, §5.3, §13; catalogue RET-03 to RET-07): `retry-after-ms` before
 * `retry-after`; a number of seconds may have a fraction; a date counts by the *server's* clock
 * (its Date header; ours only when there is none). Of several headers of one name the first counts.
 * What cannot be used (negative, NaN, infinite, garbage, "2814, 2", empty, a date in the past) is
 * no advice, and `form` says what it looked like. Zero is no advice: no case retries at once.
 * Values up to 10 years. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "base/slice.h"

enum advice_form {
    ADVICE_NONE,     /* no header */
    ADVICE_SECONDS,  /* a whole number */
    ADVICE_FRACTION, /* a number with a fraction */
    ADVICE_DATE,
    ADVICE_MS,       /* retry-after-ms */
    ADVICE_UNUSABLE, /* there was a header, but nothing to obey in it */
    ADVICE_BODY,     /* no header: in the body (Gemini's RetryInfo) */
};

enum should_retry { SHOULD_RETRY_UNSAID, SHOULD_RETRY_YES, SHOULD_RETRY_NO };

struct advice {
    enum advice_form form;
    nanos wait;                     /* above 0 where the form is one of the usable ones, else 0 */
    enum should_retry should_retry; /* x-should-retry; case counts (wire-facts.md §5.3) */
};

struct answer_head {
    uint16_t status; /* 0 until the status line */
    bool is_stream;  /* content-type text/event-stream */
    bool has_type;   /* some content-type was sent */
    bool is_json;    /* application/json, parameters allowed */
    char retry_after[64];
    char retry_after_ms[32];
    char should_retry[8];
    char date[40];
    char request_id[64]; /* request-id (Anthropic) or x-request-id (OpenAI) */
    bool has_retry_after, has_retry_after_ms, has_date;
};

void answer_head_clear(struct answer_head *h);

/* One line of the head, with or without its CRLF: a status line (which starts over: 1xx before the
 * real one) or "name: value". Unknown headers are ignored. */
void answer_head_line(struct answer_head *h, struct slice line);

/* `wall_unix_ns` is our own wall clock at that moment, used only when the server sent no Date. */
struct advice answer_head_advice(const struct answer_head *h, int64_t wall_unix_ns);

#endif
