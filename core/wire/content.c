#include "wire/content.h"

#include <assert.h>

#include "wire/json.h"
#include "wire/words.h"

/* --- blocks ----------------------------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t content_thinking_tokens(const struct reply *reply)
{
    return least(reply->thinking_tokens, reply->output_tokens);
}

static uint64_t tool_tokens(const struct reply *reply)
{
    if (reply->tool_name.size == 0)
        return 0;
    return least(reply->tool_tokens, reply->output_tokens - content_thinking_tokens(reply));
}

bool content_block(const struct reply *reply, uint32_t index, struct block *block)
{
    uint64_t counts[PIECE_COUNT];
    uint64_t first = 0;
    uint32_t at = 0;

    counts[PIECE_THINKING] = content_thinking_tokens(reply);
    counts[PIECE_TOOL] = tool_tokens(reply);
    counts[PIECE_TEXT] = reply->output_tokens - counts[PIECE_THINKING] - counts[PIECE_TOOL];
    for (int piece = 0; piece < PIECE_COUNT; piece++) {
        bool is_all = piece == PIECE_TEXT && reply->output_tokens == 0;

        if (counts[piece] == 0 && !is_all)
            continue;
        if (at++ == index) {
            *block = (struct block){
                .piece = (enum piece)piece, .index = index, .first = first, .count = counts[piece]};
            return true;
        }
        first += counts[piece];
    }
    return false;
}

/* Most answers are one text, and this is asked for each of its events. */
void content_find(const struct reply *reply, uint64_t token, struct block *block)
{
    struct block next;

    if (reply->thinking_tokens == 0 && reply->tool_name.size == 0) {
        *block = (struct block){.piece = PIECE_TEXT, .count = reply->output_tokens};
        return;
    }
    for (uint32_t i = 0; content_block(reply, i, &next); i++) {
        *block = next;
        if (token < next.first + next.count)
            return;
    }
}

bool content_is_hidden(const struct reply *reply, const struct block *block)
{
    return reply->hides_thinking && block->piece == PIECE_THINKING;
}

/* --- what is said ----------------------------------------------------------------------------- */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Where the k-th of n shares begins: never inside a character. */
static size_t share_at(struct slice text, uint64_t k, uint64_t n)
{
    size_t at;

    if (k >= n)
        return text.size;
    at = (size_t)(text.size * k / n);
    while (at > 0 && is_continuation(text.data[at]))
        at--;
    return at;
}

static void write_share(struct slice text, uint64_t first, uint64_t count, uint64_t n,
                        struct buffer *out)
{
    size_t from = share_at(text, first, n);
    size_t to = share_at(text, first + count, n);

    json_write_part(out, (struct slice){text.data + from, to - from});
}

static struct slice input_of(const struct reply *reply)
{
    return reply->tool_input.size > 0 ? reply->tool_input : SLICE("{}");
}

void content_write(const struct reply *reply, const struct block *block, uint64_t first,
                   uint64_t count, struct buffer *out)
{
    uint64_t at = first - block->first;

    assert(first >= block->first);
    switch (block->piece) {
    case PIECE_THINKING:
        words_write_thinking(out, at, count);
        return;
    case PIECE_TOOL:
        write_share(input_of(reply), at, count, block->count, out);
        return;
    case PIECE_TEXT:
    case PIECE_COUNT:
        break;
    }
    if (reply->text.size > 0)
        write_share(reply->text, at, count, block->count, out);
    else if (reply->is_foreign)
        words_write_foreign(out, reply->request_number, at, count);
    else
        words_write(out, reply->request_number, at, count);
}

void content_write_all(const struct reply *reply, const struct block *block, struct buffer *out)
{
    content_write(reply, block, block->first, block->count, out);
}

void content_write_input(const struct reply *reply, struct buffer *out)
{
    buffer_append(out, input_of(reply));
}

/* --- usage ------------------------------------------------------------------------------------ */

bool content_tells_usage(const struct reply *reply)
{
    return reply->usage_told != USAGE_MISSING;
}

uint64_t content_count(const struct reply *reply, uint64_t count)
{
    if (reply->usage_told == USAGE_ZERO)
        return 0;
    if (reply->usage_told == USAGE_WRONG)
        return (uint64_t)((double)count * reply->usage_factor);
    return count;
}

uint64_t content_fresh_tokens(const struct reply *reply)
{
    uint64_t kept = reply->cached_tokens + reply->cache_write_tokens;

    return reply->input_tokens - least(kept, reply->input_tokens);
}
