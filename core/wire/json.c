#include "wire/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/utf8.h"

/* What may come next. A comma is read together with what stands behind it, a key together with its
 * colon, so that the states are few:
 *
 *     VALUE --scalar--> COMMA, or END at the top
 *     VALUE --[--> FIRST_ITEM --value--> COMMA --,--> ITEM --value--> COMMA --]--> COMMA or END
 *     VALUE --{--> FIRST_KEY --"x":--> VALUE ... COMMA --,--> KEY --"y":--> VALUE ... */
enum state { VALUE, FIRST_ITEM, ITEM, FIRST_KEY, KEY, COMMA, END };

enum { NUMBER_SIZE_MAX = 1024, KEY_SHOWN_MAX = 48 };

static const uint64_t ONES = 0x0101010101010101u;
static const uint64_t HIGH_BITS = 0x8080808080808080u;

static enum rc fail(struct json *j, enum rc rc, size_t at, const char *problem)
{
    j->rc = rc;
    j->problem = problem;
    j->problem_at = at;
    return rc;
}

/* --- characters ------------------------------------------------------------------------------ */

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How many bytes at the front stand for themselves in a string: no quote, backslash, control or
 * non-ASCII. Eight at a time: a byte below 0x20 borrows into its high bit when 0x20 is taken off,
 * a byte equal to c when 1 is taken off its difference from c. A borrow can spill over into the
 * next byte, but only out of a byte that stops the word anyway. */
static size_t plain_run(const char *data, size_t left)
{
    size_t run = 0;

    for (; left - run >= sizeof(uint64_t); run += sizeof(uint64_t)) {
        uint64_t word, stops;

        memcpy(&word, data + run, sizeof(word));
        stops = word | (word - ONES * 0x20) | ((word ^ ONES * '"') - ONES) |
                ((word ^ ONES * '\\') - ONES);
        if ((stops & HIGH_BITS) != 0)
            break;
    }
    while (run < left && is_plain(data[run]))
        run++;
    return run;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The 16 bits of "\uXXXX" at the front. */
static bool read_unit(struct slice rest, uint32_t *unit)
{
    uint32_t sum = 0;

    if (rest.size < 6 || rest.data[0] != '\\' || rest.data[1] != 'u')
        return false;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(rest.data[i]);

        if (digit < 0)
            return false;
        sum = sum << 4 | (uint32_t)digit;
    }
    *unit = sum;
    return true;
}

/* "\uXXXX", or two of them for a character beyond the first plane (RFC 8259 §7). */
static size_t read_unicode_escape(struct slice rest, uint32_t *code, const char **problem)
{
    uint32_t high, low;

    *problem = "\\u needs four hexadecimal digits";
    if (!read_unit(rest, &high))
        return 0;
    if (high < 0xD800 || high > 0xDFFF) {
        *code = high;
        return 6;
    }
    *problem = "half of a surrogate pair";
    rest = (struct slice){rest.data + 6, rest.size - 6};
    if (high > 0xDBFF || !read_unit(rest, &low) || low < 0xDC00 || low > 0xDFFF)
        return 0;
    *code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* The escape at the front of `rest`: its size and what it stands for, or 0 and the problem. */
static size_t read_escape(struct slice rest, uint32_t *code, const char **problem)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (rest.size > 1 && rest.data[1] == 'u')
        return read_unicode_escape(rest, code, problem);
    found = rest.size > 1 ? memchr(letters, rest.data[1], sizeof(letters) - 1) : NULL;
    if (found == NULL) {
        *problem = "unknown escape (a backslash itself is written \\\\)";
        return 0;
    }
    *code = (uint32_t)meanings[found - letters];
    return 2;
}

static size_t put_character(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Takes one character, escaped or not, off the front of a raw string that was checked before. */
static size_t take_character(struct slice *raw, char out[4])
{
    const char *problem;
    uint32_t code = 0;
    size_t taken, size;

    if (raw->data[0] == '\\') {
        taken = read_escape(*raw, &code, &problem);
        size = put_character(code, out);
    } else {
        taken = size = utf8_size(*raw);
        memcpy(out, raw->data, size);
    }
    assert(taken > 0); /* a token of ours holds neither a bad escape nor bad UTF-8 */
    *raw = (struct slice){raw->data + taken, raw->size - taken};
    return size;
}

/* --- between the tokens ---------------------------------------------------------------------- */

enum { NOTHING = -1 };

/* The next byte, or NOTHING at the end of the text. */
static int next_byte(const struct json *j)
{
    return j->at < j->text.size ? (unsigned char)j->text.data[j->at] : NOTHING;
}

static bool is_inside_object(const struct json *j)
{
    return j->depth > 0 && j->open[j->depth - 1] == '{';
}

/* A failure at the next byte: `problem`, unless something simpler is wrong there. */
static enum rc unexpected(struct json *j, const char *problem)
{
    if (next_byte(j) != NOTHING) {
        if (utf8_size((struct slice){j->text.data + j->at, j->text.size - j->at}) == 0)
            problem = "not UTF-8";
        else if (next_byte(j) == '/' && (j->flags & JSON_COMMENTS) == 0)
            problem = "comments are not allowed here";
    } else if (j->depth == 0) {
        problem = "the text is empty";
    } else {
        problem = is_inside_object(j) ? "the text ends inside an object"
                                      : "the text ends inside an array";
    }
    return fail(j, RC_MALFORMED, j->at, problem);
}

static bool starts_with(const struct json *j, struct slice prefix)
{
    return next_byte(j) != NOTHING &&
           slice_starts_with((struct slice){j->text.data + j->at, j->text.size - j->at}, prefix);
}

static enum rc skip_comment(struct json *j)
{
    bool is_block = starts_with(j, SLICE("/*"));
    size_t begin = j->at;

    j->at += 2;
    while (is_block ? !starts_with(j, SLICE("*/")) : next_byte(j) != '\n') {
        size_t size;

        if (next_byte(j) == NOTHING)
            return is_block ? fail(j, RC_MALFORMED, begin, "a comment that is never closed")
                            : RC_OK;
        size = utf8_size((struct slice){j->text.data + j->at, j->text.size - j->at});
        if (size == 0)
            return fail(j, RC_MALFORMED, j->at, "not UTF-8");
        j->at += size;
    }
    j->at += is_block ? 2 : 1;
    return RC_OK;
}

static enum rc skip_some_blanks(struct json *j)
{
    for (;;) {
        int c = next_byte(j);

        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            j->at++;
        else if (c == '/' && (j->flags & JSON_COMMENTS) != 0 &&
                 (starts_with(j, SLICE("//")) || starts_with(j, SLICE("/*"))))
            TRY(skip_comment(j));
        else
            return RC_OK;
    }
}

/* Programs write none, or one: small enough to stand in its callers. */
static inline enum rc skip_blanks(struct json *j)
{
    int c = next_byte(j);

    return c > ' ' && c != '/' ? RC_OK : skip_some_blanks(j);
}

/* --- the tokens ------------------------------------------------------------------------------ */

/* Hands out the bytes from `j->at` up to `end`, and goes there. */
static void take_token(struct json *j, struct json_token *token, enum json_kind kind, size_t end)
{
    *token = (struct json_token){
        .kind = kind, .raw = {j->text.data + j->at, end - j->at}, .offset = j->at};
    j->at = end;
}

static void leave_value(struct json *j)
{
    j->state = j->depth > 0 ? COMMA : END;
}

static enum rc open(struct json *j, struct json_token *token, bool is_object)
{
    if (j->depth == JSON_DEPTH_MAX)
        return fail(j, RC_LIMIT, j->at, "nested more than 64 levels deep");
    j->keys_first[j->depth] = j->keys_count;
    j->open[j->depth++] = is_object ? '{' : '[';
    j->state = is_object ? FIRST_KEY : FIRST_ITEM;
    take_token(j, token, is_object ? JSON_OBJECT : JSON_ARRAY, j->at + 1);
    return RC_OK;
}

static enum rc close(struct json *j, struct json_token *token)
{
    take_token(j, token, is_inside_object(j) ? JSON_OBJECT_END : JSON_ARRAY_END, j->at + 1);
    j->keys_count = j->keys_first[--j->depth];
    leave_value(j);
    return RC_OK;
}

static enum rc read_string(struct json *j, struct json_token *token, enum json_kind kind)
{
    const char *data = j->text.data;
    size_t size = j->text.size;
    size_t begin = j->at;
    size_t at = begin + 1;
    bool has_escapes = false;

    for (;;) {
        const char *problem = "not UTF-8";
        uint32_t code;
        size_t step;

        at += plain_run(data + at, size - at);
        if (at == size)
            return fail(j, RC_MALFORMED, begin, "a string that is never closed");
        if (data[at] == '"')
            break;
        if (data[at] == '\n' || data[at] == '\r')
            return fail(j, RC_MALFORMED, begin, "a string that is not closed on its line");
        if ((unsigned char)data[at] < 0x20)
            return fail(j, RC_MALFORMED, at,
                        "a control character in a string (write \\t, \\u0000)");
        if (data[at] == '\\') {
            step = read_escape((struct slice){data + at, size - at}, &code, &problem);
            has_escapes = true;
        } else {
            step = utf8_size((struct slice){data + at, size - at});
        }
        if (step == 0)
            return fail(j, RC_MALFORMED, at, problem);
        at += step;
    }
    *token = (struct json_token){.kind = kind,
                                 .raw = {data + begin + 1, at - begin - 1},
                                 .has_escapes = has_escapes,
                                 .offset = begin};
    j->at = at + 1;
    return RC_OK;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t skip_digits(struct slice text, size_t at)
{
    while (at < text.size && is_digit(text.data[at]))
        at++;
    return at;
}

/* number = [ "-" ] int [ frac ] [ exp ] (RFC 8259 §6). */
static enum rc read_number(struct json *j, struct json_token *token)
{
    struct slice text = j->text;
    size_t at = j->at + (text.data[j->at] == '-');
    size_t whole = at;
    size_t begin;

    at = skip_digits(text, at);
    if (at == whole)
        return fail(j, RC_MALFORMED, at, "expected a digit after -");
    if (text.data[whole] == '0' && at > whole + 1)
        return fail(j, RC_MALFORMED, j->at, "a number with a leading zero");
    if (at < text.size && text.data[at] == '.') {
        begin = at + 1;
        at = skip_digits(text, begin);
        if (at == begin)
            return fail(j, RC_MALFORMED, at, "expected a digit after the point");
    }
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        begin = at + 1;
        if (begin < text.size && (text.data[begin] == '+' || text.data[begin] == '-'))
            begin++;
        at = skip_digits(text, begin);
        if (at == begin)
            return fail(j, RC_MALFORMED, at, "expected a digit in the exponent");
    }
    if (at < text.size && (is_word(text.data[at]) || text.data[at] == '.'))
        return fail(j, RC_MALFORMED, j->at, "not a number (a quantity with a unit needs quotes)");
    take_token(j, token, JSON_NUMBER, at);
    leave_value(j);
    return RC_OK;
}

static enum rc read_word(struct json *j, struct json_token *token)
{
    static const struct {
        const char *word;
        enum json_kind kind;
    } words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
    size_t end = j->at;

    while (end < j->text.size && is_word((unsigned char)j->text.data[end]))
        end++;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (slice_is((struct slice){j->text.data + j->at, end - j->at}, slice_of(words[i].word))) {
            take_token(j, token, words[i].kind, end);
            leave_value(j);
            return RC_OK;
        }
    }
    return fail(j, RC_MALFORMED, j->at, "an unknown word (a text needs double quotes)");
}

static const char *value_problem(const struct json *j)
{
    switch (next_byte(j)) {
    case '\'':
        return "a text needs double quotes";
    case '+':
        return "a number may not begin with +";
    case '.':
        return "expected a digit before the point";
    }
    if (j->at == 0 && starts_with(j, SLICE("\xEF\xBB\xBF")))
        return "the text begins with a byte order mark";
    return j->state == ITEM ? "expected a value after the comma" : "expected a value";
}

static enum rc read_value(struct json *j, struct json_token *token)
{
    int c = next_byte(j);

    if (c == '"') {
        TRY(read_string(j, token, JSON_STRING));
        leave_value(j);
        return RC_OK;
    }
    if (c == '{' || c == '[')
        return open(j, token, c == '{');
    if (c == '-' || is_digit(c))
        return read_number(j, token);
    if (is_word(c))
        return read_word(j, token);
    return unexpected(j, value_problem(j));
}

/* --- keys ------------------------------------------------------------------------------------ */

/* FNV-1a over the decoded key: "\u0061" and "a" are one key. */
static uint32_t hash_key(struct slice raw)
{
    uint32_t hash = 2166136261u;

    while (raw.size > 0) {
        char character[4];
        size_t size = take_character(&raw, character);

        for (size_t i = 0; i < size; i++)
            hash = (hash ^ (uint8_t)character[i]) * 16777619u;
    }
    return hash;
}

static bool is_same_key(struct slice a, struct slice b)
{
    while (a.size > 0 && b.size > 0) {
        char from_a[4], from_b[4];
        size_t size = take_character(&a, from_a);

        if (take_character(&b, from_b) != size || memcmp(from_a, from_b, size) != 0)
            return false;
    }
    return a.size == b.size;
}

static enum rc fail_twice(struct json *j, const struct json_token *key)
{
    size_t shown = key->raw.size;

    if (shown > KEY_SHOWN_MAX) {
        shown = KEY_SHOWN_MAX;
        while (shown > 0 && ((unsigned char)key->raw.data[shown] & 0xC0) == 0x80)
            shown--; /* never half a character */
    }
    snprintf(j->problem_text, sizeof(j->problem_text), "the key \"%.*s%s\" stands twice",
             (int)shown, key->raw.data, shown < key->raw.size ? "..." : "");
    return fail(j, RC_MALFORMED, key->offset, j->problem_text);
}

/* Linear in the keys of the object: people write few. */
static enum rc note_key(struct json *j, const struct json_token *key)
{
    uint32_t hash = hash_key(key->raw);

    for (uint32_t i = j->keys_first[j->depth - 1]; i < j->keys_count; i++) {
        const struct json_key_seen *seen = &j->keys[i];

        if (seen->hash == hash &&
            is_same_key((struct slice){j->text.data + seen->offset, seen->size}, key->raw))
            return fail_twice(j, key);
    }
    if (j->keys_count == JSON_KEYS_MAX)
        return fail(j, RC_LIMIT, key->offset, "more than 1024 keys in objects that are still open");
    j->keys[j->keys_count++] = (struct json_key_seen){
        .offset = key->offset + 1, .size = (uint32_t)key->raw.size, .hash = hash};
    return RC_OK;
}

static enum rc read_key(struct json *j, struct json_token *token)
{
    struct json_token key;

    if (next_byte(j) != '"')
        return unexpected(j, j->state == KEY ? "expected a key in double quotes after the comma"
                                             : "expected a key in double quotes, or }");
    TRY(read_string(j, &key, JSON_KEY));
    if ((j->flags & JSON_UNIQUE) != 0)
        TRY(note_key(j, &key));
    TRY(skip_blanks(j));
    if (next_byte(j) != ':')
        return unexpected(j, "expected a colon after the key");
    j->at++;
    j->state = VALUE;
    *token = key;
    return RC_OK;
}

/* --- the reader ------------------------------------------------------------------------------ */

/* Field by field: zeroing the arrays would cost more than reading a short event. */
void json_init(struct json *j, struct slice text, unsigned flags)
{
    assert((flags & JSON_UNIQUE) == 0); /* json_init_unique brings the places for the keys */
    j->text = text;
    j->at = 0;
    j->flags = flags;
    j->depth = 0;
    j->state = VALUE;
    j->rc = RC_OK;
    j->problem = NULL;
    j->problem_at = 0;
    j->limit_bytes = JSON_TEXT_MAX;
    j->keys_count = 0;
    j->keys = NULL;
}

void json_init_unique(struct json *j, struct slice text, unsigned flags, struct json_key_seen *keys)
{
    assert(keys != NULL);
    json_init(j, text, flags & ~(unsigned)JSON_UNIQUE);
    j->flags |= JSON_UNIQUE;
    j->keys = keys;
}

static enum rc take_comma(struct json *j)
{
    j->at++;
    j->state = is_inside_object(j) ? KEY : ITEM;
    return skip_blanks(j);
}

static bool is_closing(const struct json *j)
{
    if (j->state == VALUE || next_byte(j) != (is_inside_object(j) ? '}' : ']'))
        return false;
    return (j->state != ITEM && j->state != KEY) || (j->flags & JSON_COMMENTS) != 0;
}

enum rc json_next(struct json *j, struct json_token *token)
{
    if (j->rc != RC_OK)
        return j->rc;
    if (j->text.size > j->limit_bytes)
        return fail(j, RC_LIMIT, 0, "the text is too long");
    TRY(skip_blanks(j));
    if (j->state == END)
        return next_byte(j) == NOTHING ? RC_END : unexpected(j, "text after the end");
    if (j->state == COMMA && next_byte(j) == ',')
        TRY(take_comma(j));
    if (is_closing(j))
        return close(j, token);
    if (j->state == COMMA)
        return unexpected(j,
                          is_inside_object(j) ? "expected a comma or }" : "expected a comma or ]");
    if (j->state == FIRST_KEY || j->state == KEY)
        return read_key(j, token);
    return read_value(j, token);
}

enum rc json_skip(struct json *j, const struct json_token *token)
{
    struct json_token inner;
    uint32_t outside;

    assert(token->kind != JSON_KEY);
    assert(token->kind != JSON_OBJECT_END);
    assert(token->kind != JSON_ARRAY_END);
    if (token->kind != JSON_OBJECT && token->kind != JSON_ARRAY)
        return RC_OK;
    assert(j->depth > 0);
    outside = j->depth - 1;
    while (j->depth > outside)
        TRY(json_next(j, &inner));
    return RC_OK;
}

enum rc json_value(struct json *j, const struct json_token *token, struct slice *value)
{
    TRY(json_skip(j, token));
    *value = (struct slice){j->text.data + token->offset, j->at - token->offset};
    return RC_OK;
}

/* --- what a token says ----------------------------------------------------------------------- */

void json_text(const struct json_token *token, struct buffer *out)
{
    struct slice rest = token->raw;

    while (rest.size > 0) {
        const char *escape = token->has_escapes ? memchr(rest.data, '\\', rest.size) : NULL;
        size_t run = escape == NULL ? rest.size : (size_t)(escape - rest.data);
        char character[4];

        buffer_append(out, (struct slice){rest.data, run});
        rest = (struct slice){rest.data + run, rest.size - run};
        if (rest.size > 0)
            buffer_append(out, (struct slice){character, take_character(&rest, character)});
    }
}

/* Texts are hashed in pieces of this size, decoded, whatever they look like as written. */
enum { HASHED_PIECE = 4096 };

struct text_hash {
    uint64_t sum;
    size_t size; /* of `piece` */
    char piece[HASHED_PIECE];
};

static void hash_add(struct text_hash *hash, struct slice text)
{
    while (text.size > 0) {
        size_t room = HASHED_PIECE - hash->size;
        size_t size = text.size < room ? text.size : room;

        memcpy(hash->piece + hash->size, text.data, size);
        hash->size += size;
        text = (struct slice){text.data + size, text.size - size};
        if (hash->size < HASHED_PIECE)
            return;
        hash->sum = checksum(hash->sum, (struct slice){hash->piece, HASHED_PIECE});
        hash->size = 0;
    }
}

static uint64_t hash_plain(struct slice text)
{
    uint64_t sum = 0;

    for (; text.size >= HASHED_PIECE;
         text = (struct slice){text.data + HASHED_PIECE, text.size - HASHED_PIECE})
        sum = checksum(sum, (struct slice){text.data, HASHED_PIECE});
    return checksum(sum, text);
}

static uint64_t hash_escaped(struct slice rest)
{
    struct text_hash hash;

    hash.sum = 0;
    hash.size = 0;
    while (rest.size > 0) {
        const char *escape = memchr(rest.data, '\\', rest.size);
        size_t run = escape == NULL ? rest.size : (size_t)(escape - rest.data);
        char character[4];

        hash_add(&hash, (struct slice){rest.data, run});
        rest = (struct slice){rest.data + run, rest.size - run};
        if (rest.size > 0)
            hash_add(&hash, (struct slice){character, take_character(&rest, character)});
    }
    return checksum(hash.sum, (struct slice){hash.piece, hash.size});
}

uint64_t json_text_hash(const struct json_token *token)
{
    return token->has_escapes ? hash_escaped(token->raw) : hash_plain(token->raw);
}

bool json_is(const struct json_token *token, struct slice text)
{
    struct slice rest = token->raw;

    if (token->kind != JSON_KEY && token->kind != JSON_STRING)
        return false;
    if (!token->has_escapes)
        return slice_is(rest, text);
    while (rest.size > 0) {
        char character[4];
        size_t size = take_character(&rest, character);

        if (!slice_starts_with(text, (struct slice){character, size}))
            return false;
        text = (struct slice){text.data + size, text.size - size};
    }
    return text.size == 0;
}

/* A number as (-1)^is_negative * digits * 10^exponent, where the last of `digits` is not a zero. */
struct decimal {
    bool is_negative;
    bool is_too_large; /* the digits alone exceed 64 bits */
    uint64_t digits;
    int64_t exponent;
};

/* sum * 10 + digit, or false when that exceeds 64 bits. */
static bool append_digit(uint64_t *sum, uint64_t digit)
{
    if (*sum > (UINT64_MAX - digit) / 10)
        return false;
    *sum = *sum * 10 + digit;
    return true;
}

static int64_t read_exponent(struct slice text)
{
    const int64_t absurd = 1000000000; /* more than any text has digits: the outcome is the same */
    bool is_negative = text.data[0] == '-';
    int64_t sum = 0;

    for (size_t i = is_negative || text.data[0] == '+'; i < text.size && sum < absurd; i++)
        sum = sum * 10 + (text.data[i] - '0');
    return is_negative ? -sum : sum;
}

/* Zeros are held back until a digit other than zero shows that they count, so that "3.000" has the
 * digits 3 and "3000" has them too, with the exponent 3. */
static struct decimal read_decimal(struct slice text)
{
    struct decimal d = {0};
    int64_t zeros = 0, fraction = 0;
    bool is_fraction = false;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (c == 'e' || c == 'E') {
            d.exponent = read_exponent((struct slice){text.data + i + 1, text.size - i - 1});
            break;
        }
        if (c == '-')
            d.is_negative = true;
        if (c == '.')
            is_fraction = true;
        if (!is_digit(c))
            continue;
        fraction += is_fraction;
        zeros++; /* for this digit too: it is shifted in below, or waits as a zero */
        if (c == '0')
            continue;
        while (d.digits > 0 && zeros > 1 && append_digit(&d.digits, 0))
            zeros--;
        d.is_too_large |= !append_digit(&d.digits, (uint64_t)(c - '0'));
        zeros = 0;
    }
    d.exponent += zeros - fraction;
    return d;
}

/* The magnitude of a whole number. */
static enum rc read_whole(const struct json_token *token, bool *is_negative, uint64_t *magnitude)
{
    struct decimal d;

    if (token->kind != JSON_NUMBER)
        return RC_MALFORMED;
    if (slice_u64(token->raw, magnitude)) { /* nearly always */
        *is_negative = false;
        return RC_OK;
    }
    d = read_decimal(token->raw);
    if (d.digits == 0)
        d.exponent = 0;
    if (d.exponent < 0)
        return RC_MALFORMED;
    if (d.is_too_large)
        return RC_LIMIT;
    for (; d.exponent > 0; d.exponent--)
        if (!append_digit(&d.digits, 0))
            return RC_LIMIT;
    *is_negative = d.is_negative && d.digits > 0;
    *magnitude = d.digits;
    return RC_OK;
}

enum rc json_u64(const struct json_token *token, uint64_t *value)
{
    bool is_negative;
    uint64_t magnitude;

    TRY(read_whole(token, &is_negative, &magnitude));
    if (is_negative)
        return RC_LIMIT;
    *value = magnitude;
    return RC_OK;
}

enum rc json_i64(const struct json_token *token, int64_t *value)
{
    bool is_negative;
    uint64_t magnitude;

    TRY(read_whole(token, &is_negative, &magnitude));
    if (magnitude > (uint64_t)INT64_MAX + is_negative)
        return RC_LIMIT;
    /* -(magnitude - 1) - 1: the smallest one has no positive twin */
    *value = is_negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return RC_OK;
}

enum rc json_double(const struct json_token *token, double *value)
{
    char text[NUMBER_SIZE_MAX];
    double read;

    if (token->kind != JSON_NUMBER)
        return RC_MALFORMED;
    if (!slice_copy(token->raw, text, sizeof(text)))
        return RC_LIMIT;
    read = strtod(text, NULL);
    if (!isfinite(read))
        return RC_LIMIT;
    *value = read;
    return RC_OK;
}

struct json_position json_position(struct slice text, size_t offset)
{
    struct json_position position = {1, 1};

    for (size_t i = 0; i < offset && i < text.size; i++) {
        position.column++;
        if (text.data[i] == '\n')
            position = (struct json_position){position.line + 1, 1};
    }
    return position;
}

size_t json_offset(struct slice text, struct json_position position)
{
    size_t offset = 0;

    for (uint32_t line = 1; line < position.line && offset < text.size; offset++) {
        if (text.data[offset] == '\n')
            line++;
    }
    return offset + position.column - 1;
}

const char *json_kind_text(enum json_kind kind)
{
    static const char *const texts[] = {
        [JSON_OBJECT] = "an object", [JSON_OBJECT_END] = "the end of an object",
        [JSON_ARRAY] = "an array",   [JSON_ARRAY_END] = "the end of an array",
        [JSON_KEY] = "a key",        [JSON_STRING] = "a text",
        [JSON_NUMBER] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };

    assert((size_t)kind < ARRAY_SIZE(texts));
    return texts[kind];
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_escaped(struct buffer *out, char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = memchr(plain, c, sizeof(plain) - 1);
    char escape[6] = {'\\', 'u', '0', '0', hex[(unsigned char)c >> 4], hex[c & 0xF]};

    if (found == NULL) {
        buffer_append(out, (struct slice){escape, sizeof(escape)});
        return;
    }
    escape[1] = letters[found - plain];
    buffer_append(out, (struct slice){escape, 2});
}

void json_write_part(struct buffer *out, struct slice text)
{
    while (text.size > 0) {
        size_t size = plain_run(text.data, text.size);

        if (size == 0)
            size = (unsigned char)text.data[0] < 0x80 ? 0 : utf8_size(text);
        if (size > 0) {
            buffer_append(out, (struct slice){text.data, size});
        } else {
            size = 1;
            if ((unsigned char)text.data[0] < 0x80)
                write_escaped(out, text.data[0]);
            else
                buffer_append(out, SLICE("\xEF\xBF\xBD"));
        }
        text = (struct slice){text.data + size, text.size - size};
    }
}

/* Nearly all texts stand for themselves: copied at once. */
void json_write_text(struct buffer *out, struct slice text)
{
    char *room;

    if (plain_run(text.data, text.size) < text.size) {
        buffer_byte(out, '"');
        json_write_part(out, text);
        buffer_byte(out, '"');
        return;
    }
    room = buffer_reserve(out, text.size + 2);
    if (room == NULL)
        return;
    room[0] = '"';
    if (text.size > 0)
        memcpy(room + 1, text.data, text.size);
    room[text.size + 1] = '"';
    buffer_grown(out, text.size + 2);
}
