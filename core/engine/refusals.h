#ifndef ENGINE_REFUSALS_H
#define ENGINE_REFUSALS_H

/* What a client makes of a provider's plain refusals, read once from their very bytes and
 * remembered: of two refusals of one model for one failure with one status, only the request ids
 * differ, and nobody reads those from the body. (A refusal whose words hold token counts is none of
 * these.) A small cache; the oldest makes room.
 *
 * Failure mode: without memory for the bytes the refusal is what its status says. One thread owns
 * it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/outcome.h"
#include "wire/format.h"

enum { REFUSALS_MAX = 16 };

struct refusal_read {
    bool is_known;
    uint32_t model;
    uint16_t status;
    enum outcome failure; /* as planned */
    struct answer answer; /* as read */
};

struct refusals {
    struct refusal_read list[REFUSALS_MAX];
    uint32_t oldest;
    struct buffer bytes;
};

void refusals_init(struct refusals *r, const struct memory *memory);
void refusals_deinit(struct refusals *r); /* a zeroed one is fine */

/* Fills in what format_read_error would: failure, error type and message. `model` is the index of
 * refusal->model. */
void refusals_read(struct refusals *r, enum api api, uint32_t model, const struct refusal *refusal,
                   struct answer *answer);

#endif
