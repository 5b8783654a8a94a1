#ifndef JUDGE_CHAIN_H
#define JUDGE_CHAIN_H

/* Which requests that ask the same question are attempts of one call, seen when all is over.
 *
 * A chain holds every request of one question (under one isolation path) whose sender said nothing
 * better: no call's name, no marker, no trace. While requests come, only the past is known
 * (engine/identity.h); here the future is, too.
 *
 *  - One at a time, "0 x  1 x  2 x  0 x  1 ok": one call, sure; layers of retries.
 *  - Several good answers, "0 x  1 ok  0 ok": a call up to each good answer, sure. What begins anew
 *    after a failure, "0 ok  0 x  1 x  2 x  0 ok": both rounds of the second call are doubtful.
 *  - Several at once: a call for each round of the SDK's count; those that begin after a failure,
 *    and that failure, are doubtful.
 *  - One that its client left in the middle: the same, for it may have had what it wanted.
 *
 * (Numbers are x-stainless-retry-count, "x" ended badly.) An outer layer that tries again and a
 * program that asks the same once more look alike; only where a question is never asked again after
 * a good answer, never twice at once, and never left in the middle, the first is taken for granted.
 *
 * A doubtful call has the requests that are surely its own: one round of the SDK's count, or a
 * single request. Others may belong to it, too. So a law that they break by themselves is broken in
 * every reading; that they hold it, or lack something, says nothing.
 *
 * Pure; cannot fail, allocates nothing; linear but for the search of a round's next request, which
 * looks at the CHAIN_WALK_MAX before it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

enum { CHAIN_WALK_MAX = 1024 };

struct chain_request {
    nanos begun_at;       /* its head */
    nanos over_at;        /* its last byte, or the latest instant at which its client had left;
                             NANOS_NEVER: it never ended */
    nanos welcome_at;     /* not before then, said its answer */
    bool is_good;         /* answered whole and well */
    bool is_final;        /* refused for good: whoever goes on is another's */
    bool is_left;         /* its client left in the middle of an answer that nothing was wrong with:
                             it may have had what it wanted */
    bool has_retry_count; /* the SDK's own */
    uint32_t retry_count;

    uint32_t first;   /* out: index of the request that begins its call */
    bool is_doubtful; /* out: of its whole call */
    bool is_last;     /* out: of its call */
};

/* `requests` in the order of arrival. */
void chain_cut(struct chain_request *requests, uint32_t count);

#endif
