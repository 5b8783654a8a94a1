#ifndef FAULT_PLAN_H
#define FAULT_PLAN_H

/* A plan: the mock's answer to one request, as a recipe. At most 256 bytes; step k is computed when
 * needed (plan_token_at), printing expands it. It names errors symbolically: engine/upstream
 * renders them in the provider's own words. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/nanos.h"
#include "base/outcome.h"
#include "base/stop.h"

struct fault;
struct script;

enum plan_kind {
    PLAN_ANSWER,  /* 200 and tokens; with QUIRK_BODY that body, no tokens, never a stream */
    PLAN_REFUSAL, /* an error status with the provider's body; with QUIRK_ERROR_BODY: 200 */
    PLAN_RESET,   /* the connection ends before any byte of an answer */
};

/* How retry advice is written. */
enum plan_advice {
    PLAN_ADVICE_NONE,
    PLAN_ADVICE_SECONDS, /* "1", "1.5", "3600": whatever the value needs */
    PLAN_ADVICE_DATE, /* an HTTP date that far ahead of the Date header, rounded up to a second */
    PLAN_ADVICE_MS,   /* retry-after-ms */
    PLAN_ADVICE_RAW,  /* the given text */
};

enum plan_ending {
    PLAN_WHOLE, /* up to the protocol's own end */
    PLAN_CUT,   /* ends after `tokens_before_end` tokens, by `close`; with QUIRK_ERROR_EVENT
                   after an error event (`fault->failure`) */
    PLAN_STALL, /* silent after `tokens_before_end` tokens, connection open */
};

enum plan_close {
    PLAN_CLOSE_END, /* well framed: last chunk, or the announced length... but no protocol end */
    PLAN_CLOSE_FIN, /* FIN without the last chunk */
    PLAN_CLOSE_RST,
};

enum { PLAN_NO_RULE = -1 };

/* What is wrong with the bytes of an answer, beside its length and its times; bits of a plan and of
 * a fault. Executed by engine/spoil and engine/upstream; parameters stand in the fault. */
#define QUIRK_LIST(X)                                                                       \
    X(HEADERS, "headers", "header lines added, removed, or said twice")                     \
    X(BODY, "body", "a given body instead of the provider's own")                           \
    X(CONTENT_TYPE, "content_type", "another content type, or none")                        \
    X(SLOW_HEADERS, "slow_headers", "the head comes one byte at a time")                    \
    X(ONE_BYTE, "one_byte", "one byte per write")                                           \
    X(SPLIT_UTF8, "split_utf8", "writes end inside UTF-8 sequences")                        \
    X(SPLIT_CRLF, "split_crlf", "events end in CR LF, and writes between the two")          \
    X(PINGS, "pings", "silence is filled with pings")                                       \
    X(COMMENTS, "comments", "silence is filled with comment lines")                         \
    X(ERROR_EVENT, "error_event", "an error event after some tokens, then the end")         \
    X(FLAT_ERROR, "flat_error", "that event in the documented form, not the one seen")      \
    X(INSIDE_EVENT, "inside_event", "the end comes inside an event")                        \
    X(BROKEN_JSON, "broken_json", "one event's JSON is broken")                             \
    X(DONE_MISSING, "done_missing", "no [DONE]")                                            \
    X(DONE_EARLY, "done_early", "[DONE] before the last events")                            \
    X(DONE_WRONG, "done_wrong", "[DONE] on an API that has none")                           \
    X(NO_EVENT_NAMES, "no_event_names", "events without their event: line")                 \
    X(DUPLICATE, "duplicate", "an event comes twice")                                       \
    X(REORDER, "reorder", "two events change places")                                       \
    X(USAGE_MISSING, "usage_missing", "no usage")                                           \
    X(USAGE_ZERO, "usage_zero", "all usage is 0")                                           \
    X(USAGE_WRONG, "usage_wrong", "usage times a factor")                                   \
    X(ERROR_BODY, "error_body", "200, with the provider's error body")                      \
    X(EMPTY, "empty", "a whole answer without any output")                                  \
    X(RUNAWAY, "runaway", "the answer is much longer than asked, whatever max_tokens says") \
    X(FOREIGN, "foreign", "text in the wrong language")

#define QUIRK_ENUM(name, word, meaning) QUIRK_INDEX_##name,
enum quirk_index { QUIRK_LIST(QUIRK_ENUM) QUIRKS_COUNT };
#undef QUIRK_ENUM
#define QUIRK_BIT(name, word, meaning) QUIRK_##name = 1 << QUIRK_INDEX_##name,
enum quirk { QUIRK_LIST(QUIRK_BIT) };
#undef QUIRK_BIT

const char *quirk_word(enum quirk_index index);

struct plan {
    enum plan_kind kind;
    enum plan_ending ending;
    enum plan_close close;
    enum plan_advice advice;
    enum outcome failure; /* PLAN_REFUSAL: what to say; else OUTCOME_OK, also of an error event */
    uint16_t status;      /* 0: the provider's own for that failure */
    int16_t rule;         /* index of the chaos rule that decided, or PLAN_NO_RULE */
    bool stream;
    enum stop stop;
    uint32_t quirks; /* enum quirk */
    uint32_t tokens_per_event;
    nanos advice_wait;
    char advice_raw[48];
    nanos first_token; /* from the whole request read to the first token (or to the refusal) */
    nanos token_gap;   /* between tokens */
    uint64_t input_tokens;
    uint64_t output_tokens;
    /* Before its cut or stall; of a WHOLE answer with BROKEN_JSON, DUPLICATE or REORDER the token
     * whose event that happens to (REORDER: it changes places with the next). */
    uint64_t tokens_before_end;
    /* A silence of `freeze` (0: none) from the token before this one on. Tokens that were due
     * meanwhile come at its end, all at once. */
    uint64_t freeze_at_token;
    nanos freeze;
    uint32_t thinking_tokens;    /* the first of output_tokens */
    uint32_t tool_tokens;        /* the last of them */
    const struct fault *fault;   /* that fired, for its parameters; NULL: none. Lives as long as the
                                    rules' arena */
    const struct script *script; /* what is said; NULL: numbered words */
    uint64_t context_window;
    uint64_t rules_matched; /* bit r: rule r's window and match held, so that it might have fired */
};

_Static_assert(sizeof(struct plan) <= 256, "a plan is a recipe, not a transcript");

/* How many tokens the answer will bring: all, or those before its cut or stall. 0 for a refusal or
 * reset. */
uint64_t plan_tokens_to_come(const struct plan *plan);

/* When token k (from 0) is due, as a span from the request. NANOS_NEVER for a token that never
 * comes (past the cut or stall, or past the last). */
nanos plan_token_at(const struct plan *plan, uint64_t token);

/* How many tokens are due at `elapsed` since the request. */
uint64_t plan_tokens_due(const struct plan *plan, nanos elapsed);

/* When the answer ends (last token, refusal or cut). NANOS_NEVER for a stall. */
nanos plan_ends_at(const struct plan *plan);

/* One line, without its LF:
 *     429 rate_limited, retry-after 1.5s
 *     200 stream 27 tokens: first 402ms, then every 16.666ms, cut after 5 by FIN
 *     200 whole 27 tokens: first 402ms, then every 16.666ms
 *     context_length, 8100 tokens into 7000
 *     no answer, RST
 *     529 overloaded, headers, body
 *
 * What an answer is made of follows its times ("50 an event", "20 of thinking", "7 of a tool",
 * "script NAME", "frozen 3s after 12"), and the quirks come last, by their words. */
void plan_write(const struct plan *plan, struct buffer *out);

#endif
