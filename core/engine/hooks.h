#ifndef ENGINE_HOOKS_H
#define ENGINE_HOOKS_H

/* The receivers of alerts, as the mock plays them: a POST to /any, /slack or /discord is answered
 * as that service would answer (monitor/alert.h knows how), anything else is not found. Which alert
 * it was is told by x-brownout-alert, or by the body where it tells it, and which try by
 * x-brownout-attempt.
 *
 * The services' rate limits hold for each hook of each isolation path (wire-facts.md §11): Slack
 * takes one post a second and ten at once, Discord five in two seconds; "any" has none. Discord
 * counts in fixed windows, here its bucket refills continuously: who obeys its advice is taken.
 *
 * Rules with match {"provider": "hooks", "model": "slack"} hit posts, too: keyed by the alert and
 * the try. A status is told in the service's words; a late first token makes it late, a stall or a
 * cut leaves it without an answer.
 *
 *     hooks_receive(&hooks, &post, &plan, &reply, &record)     decides
 *     hooks_write_headers(&reply, ...), hooks_write_body(...)  at the plan's time
 *
 * Bounded: HOOK_RECEIVERS_MAX limits are remembered, the oldest goes. A zeroed `struct hooks` is a
 * fresh one. Pure; no failure modes; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "fault/chaos.h"
#include "fault/limiter.h"
#include "judge/evidence.h"
#include "wire/http1.h"

enum { HOOK_RECEIVERS_MAX = 64 };

struct hooks {
    struct hook_receiver {
        enum hook_kind kind;
        uint64_t isolation; /* hash of it */
        struct limiter limiter;
    } receivers[HOOK_RECEIVERS_MAX];
    uint32_t count; /* made so far; the latest HOOK_RECEIVERS_MAX are there */
};

struct hook_post {
    const struct http_request *http; /* without isolation prefix */
    struct slice isolation;
    const struct chaos *chaos; /* NULL: no rule hits it */
    struct chaos_memory *memory;
    uint64_t seed;
    uint64_t conditions_failed; /* as attempt_facts has it */
    nanos at;
};

struct hook_reply {
    uint16_t status;
    enum hook_kind kind;
    bool is_told; /* the body below is the answer; else the service's words for `status` */
    struct slice content_type; /* empty: without a body */
    struct slice body;         /* lives for ever */
    nanos wait;                /* 429: until it takes another */
    struct limit_state limit;  /* as its headers tell it */
};

/* Notes what is to be journalled of the post, and says when (plan) and what (reply) to answer. */
void hooks_receive(struct hooks *hooks, const struct hook_post *post, struct plan *plan,
                   struct hook_reply *reply, struct journal_record *record);

/* Whole lines, without the advice of the plan. */
void hooks_write_headers(const struct hook_reply *reply, int64_t wall_unix_ns, struct buffer *out);
void hooks_write_body(const struct hook_reply *reply, struct buffer *out);

/* Forgets the limits of one isolation path; all when it is empty. */
void hooks_reset(struct hooks *hooks, struct slice isolation);

#endif
