#ifndef WIRE_RESPONSES_OBJECT_H
#define WIRE_RESPONSES_OBJECT_H

/* The response object of OpenAI's Responses, its items and their parts, as a mock writes them: a
 * body is one, and events carry them whole or in part. Private to openai_responses.c.
 *
 * Settings of the request (tools, instructions, temperature ...) are not repeated: they are told as
 * if they had not been made. Facts: wire-facts.md §3.3. Pure. */

#include <stdbool.h>

#include "base/buffer.h"
#include "wire/content.h"
#include "wire/format_table.h"

/* How far an item, or the whole response, has come. */
enum responses_progress { RESPONSES_BEGUN, RESPONSES_DONE };

/* By enum stop: why a response is incomplete, else "completed". */
extern const char *const responses_stop_words[STOP_COUNT];
bool responses_is_whole(const struct reply *reply);

/* "msg_...", the inside of a string. */
void responses_write_item_id(const struct reply *reply, const struct block *block,
                             struct buffer *out);

/* What a block says, as a JSON string; empty while it has only begun. */
void responses_write_text(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out);

/* Of a message's content, or of reasoning's summary. */
void responses_write_part(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out);

void responses_write_item(const struct reply *reply, const struct block *block,
                          enum responses_progress progress, struct buffer *out);

void responses_write(const struct reply *reply, enum responses_progress progress,
                     struct buffer *out);

/* One that failed, and what its error and an error event call their code: they always have one. */
void responses_write_failed(const struct refusal *refusal, const struct wording *words,
                            struct buffer *out);
void responses_write_code(const struct wording *words, struct buffer *out);

#endif
