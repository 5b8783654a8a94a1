#include "wire/words.h"

#include <string.h>

enum { WORD_BYTES_MAX = 36 }; /* " слово" and 20 digits */

static void write_opening(struct buffer *out, uint64_t request_number)
{
    buffer_append(out, SLICE("⟦r"));
    buffer_u64(out, request_number);
    buffer_append(out, SLICE("⟧"));
}

/* Built from its end and appended whole: this runs once per token of every answer. */
static inline void write_word(struct buffer *out, struct slice front, uint64_t number)
{
    char word[WORD_BYTES_MAX];
    size_t at = sizeof(word);

    do {
        word[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    at -= front.size;
    memcpy(word + at, front.data, front.size);
    buffer_append(out, (struct slice){word + at, sizeof(word) - at});
}

void words_write(struct buffer *out, uint64_t request_number, uint64_t first, uint64_t count)
{
    for (uint64_t token = first; token - first < count; token++) {
        if (token == 0)
            write_opening(out, request_number);
        else
            write_word(out, SLICE(" w"), token);
    }
}

void words_write_foreign(struct buffer *out, uint64_t request_number, uint64_t first,
                         uint64_t count)
{
    for (uint64_t token = first; token - first < count; token++) {
        if (token == 0)
            write_opening(out, request_number);
        else
            write_word(out, SLICE(" слово"), token);
    }
}

void words_write_thinking(struct buffer *out, uint64_t first, uint64_t count)
{
    for (uint64_t token = first; token - first < count; token++)
        write_word(out, token == 0 ? SLICE("t") : SLICE(" t"), token);
}

void words_write_id(struct buffer *out, struct slice prefix, uint64_t run_tag,
                    uint64_t request_number)
{
    char tag[17]; /* and the "r" behind it */

    memset(tag, '0', 16);
    tag[16] = 'r';
    for (size_t at = 16; run_tag > 0; run_tag >>= 4)
        tag[--at] = "0123456789abcdef"[run_tag & 15];
    buffer_append(out, prefix);
    buffer_append(out, (struct slice){tag, sizeof(tag)});
    buffer_u64(out, request_number);
}
