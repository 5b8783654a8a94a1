#ifndef WIRE_JSON_H
#define WIRE_JSON_H

/* A JSON reader that is pulled token by token, over text that lies whole in memory.
 *
 *     struct json json;
 *     struct json_token token;
 *
 *     json_init(&json, text, JSON_STRICT);
 *     while ((rc = json_next(&json, &token)) == RC_OK)
 *         ...
 *     rc is RC_END after the one value and nothing behind it
 *
 * Strict: RFC 8259 grammar, strict UTF-8 (no surrogates, no overlong forms), lone \u surrogates
 * refused, numbers as the grammar has them ("01", "1.", "+1" refused), nothing but white space
 * behind the value. Bounded: JSON_DEPTH_MAX levels, JSON_TEXT_MAX bytes. It allocates nothing and
 * builds nothing; tokens borrow from `text`. Every failure has a position and a sentence, and
 * stays: a failed reader answers the same code again.
 *
 * JSON_COMMENTS also allows // and / * * / comments and a trailing comma (scenario files).
 * JSON_UNIQUE refuses a key that stands twice in one object (linear per object; at most
 * JSON_KEYS_MAX open keys, else RC_LIMIT): for what people write. Not for the load path. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 64, JSON_KEYS_MAX = 1024 };
#define JSON_TEXT_MAX ((size_t)64 << 20)

enum json_flags { JSON_STRICT = 0, JSON_COMMENTS = 1, JSON_UNIQUE = 2 };

enum json_kind {
    JSON_OBJECT,     /* { */
    JSON_OBJECT_END, /* } */
    JSON_ARRAY,      /* [ */
    JSON_ARRAY_END,  /* ] */
    JSON_KEY,        /* a member's name, without quotes, escapes as written */
    JSON_STRING,     /* likewise */
    JSON_NUMBER,     /* as written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_token {
    enum json_kind kind;
    struct slice raw; /* see above; for { } [ ] the one byte */
    bool has_escapes; /* a key or string that json_text must decode */
    size_t offset;    /* of the token's first byte (the quote of a string) in the text */
};

struct json_position {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in bytes */
};

struct json_key_seen {
    size_t offset; /* of the raw key in the text */
    uint32_t size;
    uint32_t hash;
};

struct json {
    struct slice text;
    size_t at; /* next byte to read */
    unsigned flags;
    uint32_t depth;
    uint8_t state;
    uint8_t open[JSON_DEPTH_MAX]; /* '{' or '[' by level */
    enum rc rc;                   /* sticky failure, or RC_OK */
    const char *problem;          /* "expected a comma or }", once failed; may point into `j` */
    size_t problem_at;            /* offset */
    size_t limit_bytes;           /* JSON_TEXT_MAX */
    uint32_t keys_count;
    uint32_t keys_first[JSON_DEPTH_MAX]; /* where each level's keys begin */
    struct json_key_seen *keys;          /* JSON_UNIQUE only: the caller's JSON_KEYS_MAX places */
    char problem_text[96];               /* where `problem` is made up of pieces */
};

void json_init(struct json *j, struct slice text, unsigned flags);

/* As json_init with JSON_UNIQUE in flags; `keys` has JSON_KEYS_MAX places, borrowed for as long as
 * `j`. */
void json_init_unique(struct json *j, struct slice text, unsigned flags,
                      struct json_key_seen *keys);

/* RC_OK and a token, RC_END, RC_MALFORMED or RC_LIMIT. */
MUST_USE enum rc json_next(struct json *j, struct json_token *token);

/* Just after a token that begins a value: skips the rest of that value (nothing for a scalar). */
MUST_USE enum rc json_skip(struct json *j, const struct json_token *token);

/* As json_skip; `*value` becomes the text of the whole value, for a later reader of its own. */
MUST_USE enum rc json_value(struct json *j, const struct json_token *token, struct slice *value);

/* Decodes a key or string into `out` (appended). Without escapes token.raw is the text itself. */
void json_text(const struct json_token *token, struct buffer *out);

/* A hash of the decoded text: the same however it is escaped. */
uint64_t json_text_hash(const struct json_token *token);

/* Is this key or string the given text? Decodes escapes on the way, allocates nothing. */
bool json_is(const struct json_token *token, struct slice text);

/* A number as a whole one: "3", "3.0" and "3e2" are. RC_MALFORMED for "3.5" and for tokens that are
 * no numbers, RC_LIMIT out of range. */
MUST_USE enum rc json_u64(const struct json_token *token, uint64_t *value);
MUST_USE enum rc json_i64(const struct json_token *token, int64_t *value);
/* The nearest double; RC_LIMIT when not finite, or written with more than 1,023 bytes. */
MUST_USE enum rc json_double(const struct json_token *token, double *value);

/* Line and column of an offset, by counting: for messages, not for the load path. */
struct json_position json_position(struct slice text, size_t offset);

/* The offset of a position, which the text has; the other way round. */
size_t json_offset(struct slice text, struct json_position position);

/* "a number", "an object", ... for messages. */
const char *json_kind_text(enum json_kind kind);

/* --- writing ---------------------------------------------------------------------------------- */

/* Appends text as a quoted JSON string. Each byte that is not UTF-8 becomes U+FFFD. */
void json_write_text(struct buffer *out, struct slice text);

/* The same without the quotes, to build one string from pieces; a piece ends between characters. */
void json_write_part(struct buffer *out, struct slice text);

#endif
