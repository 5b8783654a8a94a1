#include "fault/limiter.h"

#include <assert.h>

const char *limit_word(enum limit_kind kind)
{
    static const char *const words[LIMIT_KINDS_COUNT] = {
#define LIMIT_WORD(name, word) [LIMIT_##name] = (word),
        LIMIT_LIST(LIMIT_WORD)
#undef LIMIT_WORD
    };

    assert((unsigned)kind < LIMIT_KINDS_COUNT);
    return words[kind];
}

bool limits_any(const struct limits *limits)
{
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++)
        if (limits->of[kind].amount > 0)
            return true;
    return false;
}

static uint64_t holds(const struct limit *limit)
{
    return limit->burst > 0 ? limit->burst : limit->amount;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a < UINT64_MAX - b ? a + b : UINT64_MAX;
}

/* --- a * b / c, exactly ----------------------------------------------------------------------- */

struct quotient {
    uint64_t whole;
    uint64_t rest;
};

/* (a * b + more) / c for a < c, bit by bit from the highest of `b`: q * c + r is always what has
 * been read of it. Neither 2r + a nor the quotient exceeds 64 bits while c is below 2^62. */
static struct quotient divide_slowly(uint64_t a, uint64_t b, uint64_t more, uint64_t c)
{
    struct quotient q = {0, 0};

    for (int bit = 63; bit >= 0; bit--) {
        q.whole *= 2;
        q.rest = 2 * q.rest + (b >> bit & 1) * a;
        q.whole += q.rest / c;
        q.rest %= c;
    }
    q.whole += more / c;
    q.rest += more % c;
    q.whole += q.rest / c;
    q.rest %= c;
    return q;
}

/* Nearly always 64 bits hold it all. */
static struct quotient multiply_divide(uint64_t a, uint64_t b, uint64_t more, uint64_t c)
{
    assert(a < c);
    if (a > 0 && b > (UINT64_MAX - more) / a)
        return divide_slowly(a, b, more, c);
    return (struct quotient){(a * b + more) / c, (a * b + more) % c};
}

/* --- a bucket --------------------------------------------------------------------------------- */

static void fill(struct bucket *bucket, const struct limit *limit)
{
    bucket->level = holds(limit);
    bucket->rest = 0;
}

static void give(struct bucket *bucket, const struct limit *limit, uint64_t amount)
{
    if (amount >= holds(limit) - bucket->level)
        fill(bucket, limit);
    else
        bucket->level += amount;
}

/* What `elapsed` brings: `amount` for each whole `per`, and its share of the last. */
static void refill(struct bucket *bucket, const struct limit *limit, nanos now)
{
    uint64_t per = (uint64_t)limit->per;
    uint64_t turns, elapsed;
    struct quotient last;

    if (bucket->level == holds(limit)) {
        bucket->at = now;
        return;
    }
    assert(now >= bucket->at);
    elapsed = (uint64_t)now - (uint64_t)bucket->at;
    turns = elapsed / per;
    last = multiply_divide(elapsed % per, limit->amount, bucket->rest, per);
    bucket->at = now;
    bucket->rest = last.rest;
    if (turns > holds(limit) / limit->amount)
        fill(bucket, limit);
    else
        give(bucket, limit, add(turns * limit->amount, last.whole));
}

/* When the level will be `wanted`: the parts that are missing, over those that a nanosecond brings,
 * rounded up. */
static nanos time_until(const struct bucket *bucket, const struct limit *limit, uint64_t wanted)
{
    uint64_t per = (uint64_t)limit->per;
    uint64_t whole, turns;
    struct quotient last;

    if (wanted <= bucket->level)
        return 0;
    whole = wanted - bucket->level - 1; /* and the one under way */
    turns = whole / limit->amount;
    last = multiply_divide(whole % limit->amount, per, per - bucket->rest + (limit->amount - 1),
                           limit->amount);
    if (turns > ((uint64_t)NANOS_NEVER - last.whole) / per)
        return NANOS_NEVER;
    return (nanos)(turns * per + last.whole);
}

/* --- the buckets of a model ------------------------------------------------------------------- */

static bool is_there(const struct limiter *l, int kind)
{
    return l->limits->of[kind].amount > 0;
}

void limiter_init(struct limiter *l, const struct limits *limits)
{
    *l = (struct limiter){.limits = limits};
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        if (!is_there(l, kind))
            continue;
        assert(limits->of[kind].per > 0);
        assert(limits->of[kind].per <= NANOS_NEVER / 2);
        assert(limits->of[kind].amount <= LIMIT_AMOUNT_MAX);
        assert(limits->of[kind].burst <= LIMIT_AMOUNT_MAX);
        fill(&l->buckets[kind], &limits->of[kind]);
    }
}

static void refill_all(struct limiter *l, nanos now)
{
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++)
        if (is_there(l, kind))
            refill(&l->buckets[kind], &l->limits->of[kind], now);
}

static struct limiter_verdict ask(const struct limiter *l, enum limit_kind kind, uint64_t asked)
{
    const struct bucket *bucket = &l->buckets[kind];
    const struct limit *limit = &l->limits->of[kind];
    bool is_hopeless = asked > holds(limit);

    return (struct limiter_verdict){
        .is_admitted = asked <= bucket->level,
        .kind = kind,
        .wait = is_hopeless ? NANOS_NEVER : time_until(bucket, limit, asked),
        .is_hopeless = is_hopeless,
        .asked = asked,
    };
}

void limiter_take(struct limiter *l, uint64_t input_tokens, uint64_t output_tokens_max, nanos now,
                  struct limiter_verdict *verdict)
{
    const uint64_t wanted[LIMIT_KINDS_COUNT] = {
        [LIMIT_REQUESTS] = 1,
        [LIMIT_INPUT_TOKENS] = input_tokens,
        [LIMIT_OUTPUT_TOKENS] = output_tokens_max,
        [LIMIT_TOKENS] = add(input_tokens, output_tokens_max),
    };

    *verdict = (struct limiter_verdict){.is_admitted = true};
    refill_all(l, now);
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        struct limiter_verdict here;

        if (!is_there(l, kind))
            continue;
        here = ask(l, (enum limit_kind)kind, wanted[kind]);
        if (!here.is_admitted && (verdict->is_admitted || here.wait > verdict->wait))
            *verdict = here;
    }
    if (!verdict->is_admitted)
        return;
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++)
        if (is_there(l, kind))
            l->buckets[kind].level -= wanted[kind];
}

static void settle(struct limiter *l, enum limit_kind kind, uint64_t taken, uint64_t written)
{
    struct bucket *bucket = &l->buckets[kind];

    if (!is_there(l, (int)kind))
        return;
    if (written <= taken)
        give(bucket, &l->limits->of[kind], taken - written);
    else
        bucket->level -= written - taken < bucket->level ? written - taken : bucket->level;
}

void limiter_settle(struct limiter *l, uint64_t output_tokens_taken, uint64_t output_tokens,
                    nanos now)
{
    refill_all(l, now);
    settle(l, LIMIT_OUTPUT_TOKENS, output_tokens_taken, output_tokens);
    settle(l, LIMIT_TOKENS, output_tokens_taken, output_tokens);
}

struct limit_state limiter_state(struct limiter *l, enum limit_kind kind, nanos now)
{
    const struct limit *limit = &l->limits->of[kind];
    struct bucket *bucket = &l->buckets[kind];

    if (!is_there(l, (int)kind))
        return (struct limit_state){0};
    refill(bucket, limit, now);
    return (struct limit_state){
        .is_there = true,
        .limit = holds(limit),
        .remaining = bucket->level,
        .full_in = time_until(bucket, limit, holds(limit)),
    };
}
