#ifndef ENGINE_HOOK_REFUSALS_H
#define ENGINE_HOOK_REFUSALS_H

/* What Slack, Discord, and a hook of anybody else say when they refuse a post for reasons of their
 * own (wire-facts.md §11): a word of plain text, or a JSON object. Pure. */

#include <stdint.h>

#include "base/buffer.h"
#include "base/nanos.h"
#include "monitor/alert.h"

/* Appends the body; its content type, which lives for ever. */
struct slice hook_refusal_write(enum hook_kind hook, uint16_t status, nanos retry_after,
                                struct buffer *body);

#endif
