#ifndef ENGINE_IDENTITY_H
#define ENGINE_IDENTITY_H

/* Which call does a request of a foreign client belong to, and which attempt of it is it?
 * (design.md §9.) The first of these that a request has:
 *
 *     KEY_HEADER       x-brownout-call: our own driver                          its value
 *     KEY_MARKER       ⟦k17⟧ in the body, the last one: survives services
 *                      and gateways, and JSON that escapes it                   "mark:k17"
 *     KEY_TRACEPARENT  the trace id of traceparent (W3C). A trace may hold
 *                      several calls: the next begins when the one before was
 *                      answered well, or where something else is asked          "trace-id:ID", then
 *                                                                               "trace-id:ID:2"
 *     KEY_RETRY_COUNT  x-stainless-retry-count: 0 begins a call, unless the
 *                      latest of the same likeness ended badly and nothing
 *                      of it is under way: an outer layer tries again. n goes
 *                      on with the latest of the same likeness whose round
 *                      has had n attempts, else with the latest not over        "like:H:N"
 *     KEY_ISOLATION    /t/NAME, under which one question only was asked, and
 *                      not again once it was answered well                      "t:NAME"
 *     KEY_LIKENESS     an attempt of the call before of the same likeness,
 *                      until that was answered well; then the next call         "like:H:N"
 *     KEY_NONE         none of these and no body: it asks nothing               ""
 *
 * Likeness H is a checksum of isolation and of what is asked (wire/format.h, format_read_question),
 * so that a fallback to another model or provider is an attempt of the same call; of a body that
 * cannot be read, of path without query and body. N is the occurrence, from 1. Attempts are counted
 * here where the sender did not say, every layer's: an SDK that tries three times, inside of a loop
 * that tries four times, makes attempts 1 to 12. This is decided while requests come, since faults
 * are keyed by it; the judge decides anew with hindsight (judge/chain.h).
 *
 *     identity_of(id, &facts, &found)            per request
 *     identity_settled(id, call, was_answered)   when its exchange is over
 *
 * Bounded: `calls_max` calls are remembered, the one unused longest makes room; what comes of it
 * after that begins anew. Failure modes: identity_new (memory). Pure; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/evidence.h"
#include "wire/http1.h"

struct identity;

MUST_USE enum rc identity_new(struct identity **identity, uint32_t calls_max,
                              const struct memory *memory);
void identity_free(struct identity *identity); /* NULL is fine */

struct identity_facts {
    const struct http_request *http; /* `path` without isolation prefix */
    struct slice isolation;
    uint64_t question; /* hash of what is asked; 0: it could not be read */
};

/* Is the question of no interest, because our own driver says which call it is? */
bool identity_is_said(const struct http_request *http);

struct identity_found {
    enum key_used key;
    char call[CALL_ID_TEXT_MAX];
    uint32_t attempt; /* as our driver said it, by x-brownout-attempt; else 0 */
    uint32_t ordinal; /* from 1: that, or as counted here, the SDK's lost ones included */
    bool has_retry_count;
    uint32_t retry_count;
    uint64_t likeness; /* H, where a call is known by it or by its isolation path; else 0 */
};

void identity_of(struct identity *identity, const struct identity_facts *facts,
                 struct identity_found *found);

/* `was_answered`: whole and well, so the same question again is a new call. */
void identity_settled(struct identity *identity, struct slice call, bool was_answered);

/* Forgets the calls of one isolation path; all when it is empty. */
void identity_reset(struct identity *identity, struct slice isolation);

#endif
