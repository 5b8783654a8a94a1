#ifndef ENGINE_IDENTITY_H
#define ENGINE_IDENTITY_H

/* Which call does a request of a foreign client belong to, and which attempt of it is it?
 * (design.md §9.) In this order:
 *
 *     KEY_HEADER       x-brownout-call, x-brownout-attempt: our own driver
 *     KEY_MARKER       ⟦k17⟧ anywhere in the body: survives services and gateways      "mark:k17"
 *     KEY_TRACEPARENT  the trace id of traceparent (W3C) "trace-id:..." KEY_RETRY_COUNT
 * x-stainless-retry-count: 0 begins a call, n goes on with the latest one of the same likeness that
 * is not over                              "like:H:N" KEY_ISOLATION    /t/NAME that was seen with
 * one body only                        "t:NAME" KEY_LIKENESS     same isolation, path and body: an
 * attempt of the call before, until that was answered well; then the next call "like:H:N"
 *
 * N is the occurrence, from 1. Attempts are counted here where the sender did not say.
 *
 *     identity_of(id, &facts, &found)            per request
 *     identity_settled(id, call, was_answered)   when its exchange is over
 *
 * Bounded: `calls_max` calls are remembered, the one unused longest makes room. Failure modes:
 * identity_new (memory). Pure; one thread. */

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
};

struct identity_found {
    enum key_used key;
    char call[CALL_ID_TEXT_MAX];
    uint32_t attempt; /* as the sender said it, by x-brownout-attempt; else 0 */
    uint32_t ordinal; /* from 1: that, or as counted */
    bool has_retry_count;
    uint32_t retry_count;
};

void identity_of(struct identity *identity, const struct identity_facts *facts,
                 struct identity_found *found);

/* `was_answered`: whole and well, so the same question again is a new call. */
void identity_settled(struct identity *identity, struct slice call, bool was_answered);

/* Forgets the calls of one isolation path; all when it is empty. */
void identity_reset(struct identity *identity, struct slice isolation);

#endif
