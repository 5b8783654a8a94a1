#ifndef WIRE_CONTENT_H
#define WIRE_CONTENT_H

/* What an answer of the mock consists of: up to three blocks of consecutive tokens, and what each
 * token says. The formats write the same blocks in their own ways.
 *
 *     tokens   0 .. thinking           ..            ... output_tokens
 *              [ THINKING ][ TEXT                  ][ TOOL ]
 *
 * THINKING is there when the reply has thinking tokens, TOOL when it names a tool and has tokens
 * for it. TEXT is what remains; without any token it is there only when nothing else is, so that
 * an answer has at least one block. An answer that is shorter than its parts loses the last ones.
 *
 * Text is numbered words (wire/words.h), or the reply's own spread over the text's tokens, cut
 * between characters: token k of n says the bytes from size*k/n to size*(k+1)/n. So is a tool's
 * input. Pure; cannot fail but by the buffer. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "wire/format.h"

enum piece { PIECE_THINKING, PIECE_TEXT, PIECE_TOOL, PIECE_COUNT };

struct block {
    enum piece piece;
    uint32_t index; /* among the answer's blocks */
    uint64_t first; /* of the answer's tokens */
    uint64_t count; /* 0 only for a text that is all there is */
    uint64_t event; /* number of the stream's event that is written next; see format_table.h */
};

/* False past the last block. */
bool content_block(const struct reply *reply, uint32_t index, struct block *block);

/* The block that this token belongs to; past the last token the last block. */
void content_find(const struct reply *reply, uint64_t token, struct block *block);

/* Thinking that is not told, where a format can do so. */
bool content_is_hidden(const struct reply *reply, const struct block *block);

/* What these tokens of the answer say, all of one block: the inside of a JSON string. */
void content_write(const struct reply *reply, const struct block *block, uint64_t first,
                   uint64_t count, struct buffer *out);

/* The whole block, likewise. */
void content_write_all(const struct reply *reply, const struct block *block, struct buffer *out);

/* The tool's input as the JSON object that it is. */
void content_write_input(const struct reply *reply, struct buffer *out);

/* --- usage ------------------------------------------------------------------------------------ */

/* Is any usage told? */
bool content_tells_usage(const struct reply *reply);

/* A count as the reply tells it: true, 0, or times its factor. */
uint64_t content_count(const struct reply *reply, uint64_t count);

/* The prompt without what came from a cache or went into one. */
uint64_t content_fresh_tokens(const struct reply *reply);

/* Of output_tokens. */
uint64_t content_thinking_tokens(const struct reply *reply);

#endif
