#ifndef WIRE_WORDS_READER_H
#define WIRE_WORDS_READER_H

/* Reads the mock's numbered words (wire/words.h) back out of whatever text a service passed on, in
 * pieces cut anywhere: what is missing, said twice, or mixed with another answer is seen.
 *
 *     "⟦r17⟧ w1 w2 w3"        request 17, 4 words
 *     "⟦r17⟧ w1 w2 w1 w2 w3"  2 repeated
 *     "⟦r17⟧ w1 w3"           1 missing
 *     "⟦r17⟧ w1 ⟦r18⟧ w1"     two marks; words count from the last
 *
 * A word is a run of letters, digits and bytes beyond ASCII; all else parts words. Other text
 * between ("<b>w3</b>, said the model") is the service's own, and ignored. The other language that
 * the mock knows ("слово3") counts alike. Pure; cannot fail. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct words_reader {
    char held[32]; /* the beginning of a word that goes on in the next piece */
    uint32_t held_size;
    bool is_inside;   /* of a word too long to be one of ours, up to its end */
    uint64_t request; /* of the last mark; 0: none yet */
    uint64_t next;    /* the word that should come, once there was a mark or a word */
    uint32_t words, repeated, missing, marks;
};

/* A zeroed one begins. */
void words_reader_feed(struct words_reader *r, struct slice text);
void words_reader_end(struct words_reader *r); /* the text is over: what is held is a word */

#endif
