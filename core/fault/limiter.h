#ifndef FAULT_LIMITER_H
#define FAULT_LIMITER_H

/* Rate limits of one model: token buckets that refill continuously, for requests, input tokens,
 * output tokens, or tokens of both kinds (wire-facts.md §2.4, §3.1, §3.4). *Ordered*: what is
 * admitted depends on the order of arrival, so it is reproducible in the simulator only.
 *
 *     limiter_init(&l, &model->limits)
 *     limiter_take(&l, input_tokens, output_tokens_max, now, &verdict)    per request
 *     limiter_settle(&l, output_tokens_max, output_tokens, now)           when its answer is over
 *
 * A request takes one request, its input tokens and as many output tokens as it may bring (its
 * max_tokens; where it gave none, or says how long its answer shall be, what that will have); what
 * it did not use comes back when it is over, as services do it. It is admitted when every bucket
 * has enough, and takes nothing otherwise; `wait` is then how long until it would be admitted if
 * nobody else came. What is more than a whole bucket will never be admitted (`is_hopeless`:
 * OpenAI's "Request too large"). Exact integers throughout: the part of a unit that has come so far
 * is kept, so nothing is rounded away however long it runs and however often it is asked. Pure; one
 * thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

#define LIMIT_LIST(X)                 \
    X(REQUESTS, "requests")           \
    X(INPUT_TOKENS, "input_tokens")   \
    X(OUTPUT_TOKENS, "output_tokens") \
    X(TOKENS, "tokens")

#define LIMIT_ENUM(name, word) LIMIT_##name,
enum limit_kind { LIMIT_LIST(LIMIT_ENUM) LIMIT_KINDS_COUNT };
#undef LIMIT_ENUM

const char *limit_word(enum limit_kind kind);

#define LIMIT_AMOUNT_MAX ((uint64_t)1 << 62)

/* "600/min": 600 per 60 s; the bucket holds `amount` unless a burst is given. */
struct limit {
    uint64_t amount; /* 0: no such limit; at most LIMIT_AMOUNT_MAX */
    nanos per;       /* above 0 */
    uint64_t burst;  /* how much the bucket holds; 0: amount; at most LIMIT_AMOUNT_MAX */
};

struct limits {
    struct limit of[LIMIT_KINDS_COUNT];
};

bool limits_any(const struct limits *limits);

struct bucket {
    uint64_t level; /* whole units in it, at most what it holds */
    uint64_t rest;  /* and this many `per`-ths of the next; 0 in a full one */
    nanos at;       /* when that was so */
};

struct limiter {
    const struct limits *limits; /* borrowed for life */
    struct bucket buckets[LIMIT_KINDS_COUNT];
};

void limiter_init(struct limiter *l, const struct limits *limits);

struct limiter_verdict {
    bool is_admitted;
    enum limit_kind kind; /* else: whose bucket makes it wait longest, */
    nanos wait;           /* how long (NANOS_NEVER: for ever), */
    bool is_hopeless;     /* and whether it is more than the bucket ever holds */
    uint64_t asked;       /* of that kind */
};

void limiter_take(struct limiter *l, uint64_t input_tokens, uint64_t output_tokens_max, nanos now,
                  struct limiter_verdict *verdict);

/* `output_tokens` of the `output_tokens_taken` were really written: the rest comes back. Of an
 * answer that ran away what it wrote beyond goes off, down to nothing. */
void limiter_settle(struct limiter *l, uint64_t output_tokens_taken, uint64_t output_tokens,
                    nanos now);

/* For the headers that tell it: what the limit is, what is left, and when it will be full again. */
struct limit_state {
    bool is_there;
    uint64_t limit;
    uint64_t remaining;
    nanos full_in;
};

struct limit_state limiter_state(struct limiter *l, enum limit_kind kind, nanos now);

#endif
