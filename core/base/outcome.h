#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H

/* How an attempt, or a whole call, ended: one list of words for scenario keys, struct fields, log
 * lines and report columns. A call ends in exactly one of them. An attempt uses the same words for
 * what went wrong with it (then the outcome is also called its *cause*).
 *
 * It stands in base because the formats (wire) classify into it, policies decide by it and plans
 * (fault) name their errors by it, and none of those rooms may include another. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* word, what it means */
#define OUTCOME_LIST(X)                                                                        \
    X(OK, "ok", "a complete answer")                                                           \
    X(USELESS, "useless", "a complete answer that came after the deadline or was not usable")  \
    X(RATE_LIMITED, "rate_limited", "429: too many requests or tokens")                        \
    X(QUOTA, "quota", "out of money or over a spend limit: waiting is pointless")              \
    X(OVERLOADED, "overloaded", "529 or 503: the service is at capacity")                      \
    X(SERVER_ERROR, "server_error", "any other 5xx, 408 or 409")                               \
    X(CONTEXT_LENGTH, "context_length", "400: the input exceeds the model's context window")   \
    X(INVALID_REQUEST, "invalid_request", "400, 404, 413, 422: the request itself is refused") \
    X(AUTH, "auth", "401 or 403")                                                              \
    X(CONTENT_POLICY, "content_policy", "refused by policy")                                   \
    X(DNS, "dns", "the name did not resolve")                                                  \
    X(CONNECT, "connect", "the connection was refused")                                        \
    X(TLS, "tls", "the TLS handshake failed")                                                  \
    X(RESET_BEFORE, "reset_before", "the connection ended before the first byte of an answer") \
    X(RESET_AFTER, "reset_after", "the connection broke in the middle of an answer")           \
    X(TIMEOUT_CONNECT, "timeout_connect", "no connection in time")                             \
    X(TIMEOUT_FIRST_TOKEN, "timeout_first_token", "no first token in time")                    \
    X(TIMEOUT_STALL, "timeout_stall", "no further token in time")                              \
    X(TIMEOUT_ATTEMPT, "timeout_attempt", "one attempt took longer than its limit")            \
    X(TIMEOUT_CALL, "timeout_call", "the call took longer than its limit")                     \
    X(STREAM_ERROR, "stream_error", "an error event inside a 200")                             \
    X(TRUNCATED, "truncated", "the answer ended without its protocol's own end")               \
    X(MALFORMED, "malformed", "the answer could not be read")                                  \
    X(EMPTY, "empty", "a 200 that holds no answer")                                            \
    X(CANCELLED, "cancelled", "given up by the application or by an interrupt")                \
    X(CLIENT_CRASH, "client_crash", "the client's own code raised an exception")               \
    X(SHED, "shed", "refused by the client's own posture, never sent")                         \
    X(UNFINISHED, "unfinished", "still open when the run was cut")

#define OUTCOME_ENUM(name, word, meaning) OUTCOME_##name,
enum outcome { OUTCOME_LIST(OUTCOME_ENUM) OUTCOME_COUNT };
#undef OUTCOME_ENUM

const char *outcome_word(enum outcome outcome);
const char *outcome_meaning(enum outcome outcome);
bool outcome_find(struct slice word, enum outcome *outcome);

/* A set of outcomes, one bit each. */
typedef uint32_t outcome_set;
_Static_assert(OUTCOME_COUNT <= 32, "an outcome_set has 32 bits");

#define OUTCOME_BIT(outcome) ((outcome_set)1 << (outcome))

/* Every TIMEOUT_*: what "timeout" means in a scenario. */
#define OUTCOME_TIMEOUTS                                                               \
    (OUTCOME_BIT(OUTCOME_TIMEOUT_CONNECT) | OUTCOME_BIT(OUTCOME_TIMEOUT_FIRST_TOKEN) | \
     OUTCOME_BIT(OUTCOME_TIMEOUT_STALL) | OUTCOME_BIT(OUTCOME_TIMEOUT_ATTEMPT) |       \
     OUTCOME_BIT(OUTCOME_TIMEOUT_CALL))

#endif
