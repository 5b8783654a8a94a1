#ifndef WIRE_SHAPE_H
#define WIRE_SHAPE_H

/* Reads one JSON object into a struct, by a table that looks like the object.
 *
 *     struct seen { struct json_token model; struct shape_number tokens; uint64_t text_bytes; };
 *
 *     static const struct shape usage_shape[] = {
 *         {SHAPE_NAME("output_tokens"), SHAPE_NUMBER, offsetof(struct seen, tokens), NULL},
 *         SHAPE_DONE,
 *     };
 *     static const struct shape answer_shape[] = {
 *         {SHAPE_NAME("model"), SHAPE_SCALAR, offsetof(struct seen, model), NULL},
 *         {SHAPE_NAME("usage"), SHAPE_OBJECT, SHAPE_NOWHERE, usage_shape},
 *         SHAPE_DONE,
 *     };
 *     struct seen seen = {0};
 *     rc = shape_read(text, answer_shape, &seen, NULL);
 *
 * One struct takes everything, however deep it stood. One pass; allocates nothing; what is taken
 * borrows from the text. Members may come in any order, the last of one name wins.
 *
 * Lenient in what it takes, strict in what it reads: members it does not list, nulls, and members
 * of another kind than listed are passed over, as if absent; the whole text must be JSON, with an
 * object at the top. A name may be listed twice with different kinds ("content" is a text in one
 * message and an array of blocks in the next): the first row that fits takes it.
 *
 * Failure mode: RC_MALFORMED; `target` is then half filled and must not be used. Names are compared
 * one after the other: put the frequent ones first. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/json.h"

enum shape_kind {
    SHAPE_END,
    SHAPE_SCALAR, /* struct json_token: a text, number, true or false; absent: raw.data is NULL */
    SHAPE_NUMBER, /* struct shape_number: a whole number, not negative */
    SHAPE_BYTES,  /* uint64_t: adds the size of a text, decoded */
    SHAPE_PROMPT, /* struct shape_prompt: likewise, and its hash where that is wanted */
    SHAPE_OBJECT, /* uint64_t or SHAPE_NOWHERE: adds one; goes on with `members` inside */
    SHAPE_EACH,   /* likewise, for each object of an array; adds their number */
    SHAPE_LIST,   /* likewise, into struct shape_list */
    SHAPE_TEXTS,  /* struct shape_texts: an array of texts, or of whatever else */
    SHAPE_FIRST,  /* struct json_token: as SHAPE_SCALAR, but the first one stays */
    SHAPE_WORDS,  /* struct shape_words: texts that should be names in `members` */
    SHAPE_HERE,   /* size_t: offset behind the last such object; else 0 */
    SHAPE_MET,    /* uint64_t: adds one for a value of any kind; read as SHAPE_SPAN is */
    SHAPE_SPAN,   /* struct slice: the whole value as written; read by the first row of `members`
                     that takes its kind, whatever that is named */
};

struct shape {
    struct slice name;
    enum shape_kind kind;
    size_t offset; /* into the target */
    const struct shape *members;
};

/* A slice that may stand in a static table, where SLICE() may not. */
#define SHAPE_NAME(text)          \
    {                             \
        (text), sizeof(text) - 1, \
    }
#define SHAPE_DONE           \
    {                        \
        {0}, SHAPE_END, 0, 0 \
    }
#define SHAPE_NOWHERE SIZE_MAX

struct shape_number {
    bool is_known;
    bool is_negative; /* there was one below 0; it is not known */
    bool is_odd;      /* likewise, that is not whole or beyond all bounds */
    uint64_t value;
};

struct shape_list {
    uint64_t count;
    size_t last_at; /* offset of the last object in the text */
};

struct shape_words {
    struct json_token first;
    struct json_token odd; /* the first that is none of the names */
};

struct shape_prompt {
    uint64_t bytes; /* of all texts, decoded */
    bool is_hashed; /* set by the caller: */
    uint64_t hash;  /* the sum of all texts' hashes, in whatever order they stand; empty ones do not
                       count */
};

struct shape_texts {
    uint64_t count;    /* elements of any kind */
    uint64_t bytes;    /* of those that are texts, decoded */
    struct slice span; /* all of it as written, brackets included */
};

/* `problem` (may be NULL) then says why not, in words that live for ever. */
MUST_USE enum rc shape_read(struct slice text, const struct shape *shape, void *target,
                            const char **problem);

/* Is this a text that reads so? False for an absent one. */
bool shape_is(const struct json_token *token, struct slice text);

/* The token's text, decoded, zero-terminated and cut between two characters where it is too long:
 * at the latest once `capacity - 1` bytes as written are used up. Leaves `out` alone when absent.
 */
void shape_copy(const struct json_token *token, char *out, size_t capacity);

#endif
