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

enum plan_kind {
    PLAN_ANSWER,  /* 200 and tokens */
    PLAN_REFUSAL, /* an error status with the provider's body */
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
    PLAN_CUT,   /* ends after `tokens_before_end` tokens, by `close` */
    PLAN_STALL, /* silent after `tokens_before_end` tokens, connection open */
};

enum plan_close {
    PLAN_CLOSE_END, /* well framed: last chunk, or the announced length... but no protocol end */
    PLAN_CLOSE_FIN, /* FIN without the last chunk */
    PLAN_CLOSE_RST,
};

enum { PLAN_NO_RULE = -1 };

struct plan {
    enum plan_kind kind;
    enum plan_ending ending;
    enum plan_close close;
    enum plan_advice advice;
    enum outcome failure; /* PLAN_REFUSAL: what to say; else OUTCOME_OK */
    uint16_t status;      /* 0: the provider's own for that failure */
    int16_t rule;         /* index of the chaos rule that decided, or PLAN_NO_RULE */
    bool stream;
    bool stopped_by_limit; /* max_tokens was reached */
    uint32_t tokens_per_event;
    nanos advice_wait;
    char advice_raw[48];
    nanos first_token; /* from the whole request read to the first token (or to the refusal) */
    nanos token_gap;   /* between tokens */
    uint64_t input_tokens;
    uint64_t output_tokens;
    uint64_t tokens_before_end;
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
 *     no answer, RST */
void plan_write(const struct plan *plan, struct buffer *out);

#endif
