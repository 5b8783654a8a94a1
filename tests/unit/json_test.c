/* Tokens are written down in the text's own spelling with a space behind each, keys followed by a
 * colon: `{"a":[1]}` reads as `{ a: [ 1 ] } `, and the text is compared. A pull parser has its text
 * whole, so instead of cuts every text here is also read cut off at every byte: it must then fail
 * cleanly, and never read behind its end. */

#include "wire/json.h"

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"

enum { OUT_BYTES_MAX = 1 << 16 };

static struct buffer out;
static struct json json;
static struct json_key_seen keys[JSON_KEYS_MAX];

static int set_up_suite(void)
{
    buffer_init(&out, memory_heap(), OUT_BYTES_MAX);
    return 0;
}

static int tear_down_suite(void)
{
    buffer_deinit(&out);
    return 0;
}

static void set_up(void)
{
    buffer_clear(&out);
}

static void init(struct slice text, unsigned flags)
{
    if ((flags & JSON_UNIQUE) != 0)
        json_init_unique(&json, text, flags, keys);
    else
        json_init(&json, text, flags);
}

/* Reads to the end or the first failure. */
static enum rc read_all(struct slice text, unsigned flags)
{
    struct json_token token;
    enum rc rc;

    buffer_clear(&out);
    init(text, flags);
    while ((rc = json_next(&json, &token)) == RC_OK) {
        buffer_append(&out, token.raw);
        buffer_text(&out, token.kind == JSON_KEY ? ": " : " ");
    }
    return rc;
}

/* In a block of its own, so that the address sanitizer sees a byte read behind the end. */
static void read_cut_off(struct slice text, size_t size, unsigned flags)
{
    char *copy = memory_zeroed(memory_heap(), size, 1);
    struct json_token token;
    enum rc rc;

    memcpy(copy, text.data, size);
    rc = read_all((struct slice){copy, size}, flags);
    CU_ASSERT(rc == RC_END || rc == RC_MALFORMED);
    EXPECT_RC(json_next(&json, &token), rc); /* it stays */
    CU_ASSERT(json.problem_at <= size);
    memory_release(memory_heap(), copy);
}

static void expect_tokens(struct slice text, unsigned flags, struct slice tokens,
                          const struct expect_place *place)
{
    for (size_t size = 0; size <= text.size; size++)
        read_cut_off(text, size, flags);
    expect_rc(read_all(text, flags), RC_END, place);
    expect_text(buffer_slice(&out), tokens, place);
}

#define EXPECT_TOKENS(text, flags, tokens)             \
    expect_tokens(SLICE(text), (flags), SLICE(tokens), \
                  &(struct expect_place){"EXPECT_TOKENS(" #text ")", __FILE__, __LINE__})

static void expect_problem(struct slice text, unsigned flags, size_t offset, const char *problem,
                           const struct expect_place *place)
{
    for (size_t size = 0; size <= text.size; size++)
        read_cut_off(text, size, flags);
    expect_rc(read_all(text, flags), RC_MALFORMED, place);
    expect_text(slice_of(json.problem != NULL ? json.problem : ""), slice_of(problem), place);
    expect_u64(json.problem_at, offset, place);
}

#define EXPECT_PROBLEM_WITH(text, flags, offset, problem)     \
    expect_problem(SLICE(text), (flags), (offset), (problem), \
                   &(struct expect_place){"EXPECT_PROBLEM(" #text ")", __FILE__, __LINE__})
#define EXPECT_PROBLEM(text, offset, problem) \
    EXPECT_PROBLEM_WITH(text, JSON_STRICT, offset, problem)

/* The first token of a text: a number or a string as a whole document. */
static struct json_token only_token(struct slice text)
{
    struct json_token token = {.kind = JSON_NULL}, behind;

    json_init(&json, text, JSON_STRICT);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_RC(json_next(&json, &behind), RC_END);
    return token;
}

/* --- structure -------------------------------------------------------------------------------- */

static void reads_every_kind_of_value(void)
{
    EXPECT_TOKENS("{\"a\":[1,-2.5e+3,true,false,null,\"text\",{},[]],\"b\":{\"c\":\"\"}}",
                  JSON_STRICT, "{ a: [ 1 -2.5e+3 true false null text { } [ ] ] b: { c:  } } ");
}

static void white_space_may_stand_between_any_two_tokens(void)
{
    EXPECT_TOKENS(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : null } \n", JSON_STRICT,
                  "{ a: [ 1 2 ] b: null } ");
}

static void a_value_alone_is_a_text(void)
{
    EXPECT_TOKENS("0", JSON_STRICT, "0 ");
    EXPECT_TOKENS("\"a\"", JSON_STRICT, "a ");
    EXPECT_TOKENS("true", JSON_STRICT, "true ");
}

static void tokens_tell_where_they_begin(void)
{
    struct json_token token;

    json_init(&json, SLICE(" [ \"a\", 12]"), JSON_STRICT);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_U64(token.offset, 1);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_U64(token.offset, 3);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_U64(token.offset, 8);
}

static void the_end_stays_the_end(void)
{
    struct json_token token;

    EXPECT_RC(read_all(SLICE("[]"), JSON_STRICT), RC_END);
    EXPECT_RC(json_next(&json, &token), RC_END);
}

static void a_text_without_a_value_is_empty(void)
{
    EXPECT_PROBLEM("", 0, "the text is empty");
    EXPECT_PROBLEM(" \n", 2, "the text is empty");
}

static void an_unfinished_text_says_inside_what_it_ended(void)
{
    EXPECT_PROBLEM("{", 1, "the text ends inside an object");
    EXPECT_PROBLEM("{\"a\"", 4, "the text ends inside an object");
    EXPECT_PROBLEM("{\"a\":", 5, "the text ends inside an object");
    EXPECT_PROBLEM("[{\"a\":1}", 8, "the text ends inside an array");
    EXPECT_PROBLEM("[1,", 3, "the text ends inside an array");
}

static void text_after_the_end_is_refused(void)
{
    EXPECT_PROBLEM("{} {}", 3, "text after the end");
    EXPECT_PROBLEM("1 2", 2, "text after the end");
    EXPECT_PROBLEM("[]]", 2, "text after the end");
}

static void separators_that_are_missing_or_too_many_are_named(void)
{
    EXPECT_PROBLEM("[1 2]", 3, "expected a comma or ]");
    EXPECT_PROBLEM("[1}", 2, "expected a comma or ]");
    EXPECT_PROBLEM("{\"a\":1 \"b\":2}", 7, "expected a comma or }");
    EXPECT_PROBLEM("{\"a\":1]", 6, "expected a comma or }");
    EXPECT_PROBLEM("{\"a\" 1}", 5, "expected a colon after the key");
    EXPECT_PROBLEM("{\"a\"}", 4, "expected a colon after the key");
    EXPECT_PROBLEM("[1,]", 3, "expected a value after the comma");
    EXPECT_PROBLEM("[,1]", 1, "expected a value");
    EXPECT_PROBLEM("{\"a\":1,}", 7, "expected a key in double quotes after the comma");
    EXPECT_PROBLEM("{a:1}", 1, "expected a key in double quotes, or }");
    EXPECT_PROBLEM("{\"a\":}", 5, "expected a value");
    EXPECT_PROBLEM("]", 0, "expected a value");
    EXPECT_PROBLEM("{]", 1, "expected a key in double quotes, or }");
}

static void words_and_quotes_of_other_languages_are_explained(void)
{
    EXPECT_PROBLEM("[True]", 1, "an unknown word (a text needs double quotes)");
    EXPECT_PROBLEM("[nul]", 1, "an unknown word (a text needs double quotes)");
    EXPECT_PROBLEM("[nulls]", 1, "an unknown word (a text needs double quotes)");
    EXPECT_PROBLEM("NaN", 0, "an unknown word (a text needs double quotes)");
    EXPECT_PROBLEM("['a']", 1, "a text needs double quotes");
    EXPECT_PROBLEM("\xEF\xBB\xBF{}", 0, "the text begins with a byte order mark");
}

static void sixty_four_levels_pass_and_one_more_is_a_limit(void)
{
    char text[2 * (JSON_DEPTH_MAX + 1)];
    size_t half = JSON_DEPTH_MAX;

    memset(text, '[', half);
    memset(text + half, ']', half);
    EXPECT_RC(read_all((struct slice){text, 2 * half}, JSON_STRICT), RC_END);
    half++;
    memset(text, '[', half);
    memset(text + half, ']', half);
    EXPECT_RC(read_all((struct slice){text, 2 * half}, JSON_STRICT), RC_LIMIT);
    EXPECT_U64(json.problem_at, JSON_DEPTH_MAX);
    EXPECT_TEXT(slice_of(json.problem), "nested more than 64 levels deep");
}

static void a_text_over_its_limit_is_refused_before_it_is_read(void)
{
    struct json_token token;

    json_init(&json, SLICE("[1,2]"), JSON_STRICT);
    EXPECT_U64(json.limit_bytes, JSON_TEXT_MAX);
    json.limit_bytes = 4;
    EXPECT_RC(json_next(&json, &token), RC_LIMIT);
    EXPECT_RC(json_next(&json, &token), RC_LIMIT);
}

static void a_zeroed_reader_reads_an_empty_text(void)
{
    struct json zeroed = {0};
    struct json_token token;

    EXPECT_RC(json_next(&zeroed, &token), RC_MALFORMED);
}

static void a_failed_call_leaves_the_token_alone(void)
{
    struct json_token token = {.kind = JSON_TRUE, .offset = 77};

    json_init(&json, SLICE("\"a"), JSON_STRICT);
    EXPECT_RC(json_next(&json, &token), RC_MALFORMED);
    EXPECT_U64(token.offset, 77);
}

/* --- comments --------------------------------------------------------------------------------- */

static void comments_and_a_trailing_comma_pass_where_they_are_allowed(void)
{
    EXPECT_TOKENS("// first\n{ /* a: * / */ \"a\" /**/ : // one\r\n 1, \"b\": [1, 2, ], } // end",
                  JSON_COMMENTS, "{ a: 1 b: [ 1 2 ] } ");
    EXPECT_TOKENS("{\"a\": \"// no comment /* here */\"}", JSON_COMMENTS,
                  "{ a: // no comment /* here */ } ");
}

static void comments_are_refused_elsewhere(void)
{
    EXPECT_PROBLEM("[1, // one\n2]", 4, "comments are not allowed here");
    EXPECT_PROBLEM("/* a */ 1", 0, "comments are not allowed here");
    EXPECT_PROBLEM("1 // one", 2, "comments are not allowed here");
}

static void only_one_trailing_comma_passes_and_only_after_something(void)
{
    EXPECT_PROBLEM_WITH("[1,,]", JSON_COMMENTS, 3, "expected a value after the comma");
    EXPECT_PROBLEM_WITH("[,]", JSON_COMMENTS, 1, "expected a value");
    EXPECT_PROBLEM_WITH("{,}", JSON_COMMENTS, 1, "expected a key in double quotes, or }");
    EXPECT_PROBLEM_WITH("{\"a\":}", JSON_COMMENTS, 5, "expected a value");
}

static void an_open_comment_is_named_where_it_begins(void)
{
    EXPECT_PROBLEM_WITH("[1, /* two ", JSON_COMMENTS, 4, "a comment that is never closed");
    EXPECT_PROBLEM_WITH("/*/ 1", JSON_COMMENTS, 0, "a comment that is never closed");
    EXPECT_PROBLEM_WITH("[1 / 2]", JSON_COMMENTS, 3, "expected a comma or ]");
    EXPECT_PROBLEM_WITH("1 // \xFF", JSON_COMMENTS, 5, "not UTF-8");
}

/* --- keys ------------------------------------------------------------------------------------- */

static void a_key_that_stands_twice_in_one_object_is_refused_on_request(void)
{
    EXPECT_PROBLEM_WITH("{\"x\":1,\"y\":2,\"x\":3}", JSON_UNIQUE, 13, "the key \"x\" stands twice");
    EXPECT_TOKENS("{\"x\":1,\"x\":2}", JSON_STRICT, "{ x: 1 x: 2 } ");
}

static void the_same_key_may_stand_in_different_objects(void)
{
    EXPECT_TOKENS("{\"x\":{\"x\":1,\"y\":[{\"x\":2},{\"x\":3}]},\"y\":4}", JSON_UNIQUE,
                  "{ x: { x: 1 y: [ { x: 2 } { x: 3 } ] } y: 4 } ");
    EXPECT_PROBLEM_WITH("{\"x\":{\"y\":1},\"y\":2,\"x\":3}", JSON_UNIQUE, 19,
                        "the key \"x\" stands twice");
}

static void a_key_written_with_escapes_is_the_same_key(void)
{
    EXPECT_PROBLEM_WITH("{\"\xC3\xA9\xF0\x9F\x8D\xB5\":1,\"\\u00e9\\uD83C\\udf75\":2}", JSON_UNIQUE,
                        12, "the key \"\\u00e9\\uD83C\\udf75\" stands twice");
    EXPECT_TOKENS("{\"a\":1,\"a\\u0000\":2,\"\":3,\"\\\\a\":4}", JSON_UNIQUE,
                  "{ a: 1 a\\u0000: 2 : 3 \\\\a: 4 } ");
}

static void a_long_key_is_shown_cut_but_never_in_half_a_character(void)
{
    EXPECT_PROBLEM_WITH(
        "{\"01234567890123456789012345678901234567890123456\xC3\xA9xx\":1,"
        "\"01234567890123456789012345678901234567890123456\xC3\xA9xx\":2}",
        JSON_UNIQUE, 57,
        "the key \"01234567890123456789012345678901234567890123456...\" stands twice");
}

static void more_open_keys_than_there_are_places_are_a_limit(void)
{
    struct buffer text;

    buffer_init(&text, memory_heap(), 1 << 20);
    buffer_byte(&text, '{');
    for (int i = 0; i < JSON_KEYS_MAX; i++)
        buffer_printf(&text, "%s\"k%d\":0", i > 0 ? "," : "", i);
    EXPECT_RC(read_all(buffer_slice(&text), JSON_UNIQUE), RC_MALFORMED); /* only unfinished */
    buffer_text(&text, ",\"one more\":0");
    EXPECT_RC(read_all(buffer_slice(&text), JSON_UNIQUE), RC_LIMIT);
    EXPECT_TEXT(slice_of(json.problem), "more than 1024 keys in objects that are still open");
    EXPECT_RC(read_all(buffer_slice(&text), JSON_STRICT), RC_MALFORMED);
    buffer_deinit(&text);
}

/* --- strings ---------------------------------------------------------------------------------- */

static struct slice decoded(struct slice text)
{
    struct json_token token = only_token(text);

    buffer_clear(&out);
    json_text(&token, &out);
    return buffer_slice(&out);
}

static void decodes_every_escape(void)
{
    EXPECT_TEXT(decoded(SLICE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")), "\"\\/\b\f\n\r\t");
    EXPECT_TEXT(decoded(SLICE("\"\\u0041\\u00e9\\u20AC\\uD83C\\uDF75\"")),
                "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\xB5");
    EXPECT_TEXT(decoded(SLICE("\"a\\u0000b\"")), "a\0b");
    EXPECT_TEXT(decoded(SLICE("\"\\uFFFF\\u0800\\u07ff\\u0080\\uDBFF\\uDFFF\"")),
                "\xEF\xBF\xBF\xE0\xA0\x80\xDF\xBF\xC2\x80\xF4\x8F\xBF\xBF");
}

static void a_text_without_escapes_is_itself(void)
{
    EXPECT_TEXT(decoded(SLICE("\"plain \xE2\x9F\xA6r17\xE2\x9F\xA7 \x7F\"")),
                "plain \xE2\x9F\xA6r17\xE2\x9F\xA7 \x7F");
    CU_ASSERT(!only_token(SLICE("\"plain\"")).has_escapes);
    CU_ASSERT(only_token(SLICE("\"pl\\u0061in\"")).has_escapes);
}

static void compares_without_decoding_into_memory(void)
{
    struct json_token plain = only_token(SLICE("\"abc\""));
    struct json_token escaped = only_token(SLICE("\"\\u0061b\\u0063\""));
    struct json_token number = only_token(SLICE("7"));

    CU_ASSERT(json_is(&plain, SLICE("abc")));
    CU_ASSERT(!json_is(&plain, SLICE("ab")));
    CU_ASSERT(!json_is(&plain, SLICE("abcd")));
    CU_ASSERT(json_is(&escaped, SLICE("abc")));
    CU_ASSERT(!json_is(&escaped, SLICE("ab")));
    CU_ASSERT(!json_is(&escaped, SLICE("abcd")));
    CU_ASSERT(!json_is(&escaped, SLICE("xbc")));
    CU_ASSERT(!json_is(&number, SLICE("7")));
}

static void broken_escapes_are_refused_where_they_stand(void)
{
    EXPECT_PROBLEM("[\"a\\x\"]", 3, "unknown escape (a backslash itself is written \\\\)");
    EXPECT_PROBLEM("\"C:\\Users\"", 3, "unknown escape (a backslash itself is written \\\\)");
    EXPECT_PROBLEM("\"\\u12g4\"", 1, "\\u needs four hexadecimal digits");
    EXPECT_PROBLEM("\"\\u12\"", 1, "\\u needs four hexadecimal digits");
    EXPECT_PROBLEM("\"\\U0041\"", 1, "unknown escape (a backslash itself is written \\\\)");
}

static void half_a_surrogate_pair_is_refused(void)
{
    EXPECT_PROBLEM("\"\\ud83c\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\udf75\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\udf75\\ud83c\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\udf75\\udf75\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\ud83c\\ue000\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\ud83cx\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\ud83c\\u0041\"", 1, "half of a surrogate pair");
    EXPECT_PROBLEM("\"\\ud83c\\ud83c\"", 1, "half of a surrogate pair");
}

static void open_strings_are_named_where_they_begin(void)
{
    EXPECT_PROBLEM("[\"a", 1, "a string that is never closed");
    EXPECT_PROBLEM("[\"a\\\"]", 1, "a string that is never closed");
    EXPECT_PROBLEM("[\"a\n\"]", 1, "a string that is not closed on its line");
    EXPECT_PROBLEM("[\"a\r\n\"]", 1, "a string that is not closed on its line");
    EXPECT_PROBLEM("[\"a\tb\"]", 3, "a control character in a string (write \\t, \\u0000)");
    EXPECT_PROBLEM("[\"a\0b\"]", 3, "a control character in a string (write \\t, \\u0000)");
}

/* The string is long enough for the word scan, and the stop stands at each place of a word. */
static void a_stop_is_found_at_every_place_of_a_word(void)
{
    static const char stops[] = "\"\\\n\x1F\x80\xFF";

    for (size_t stop = 0; stop < sizeof(stops) - 1; stop++) {
        for (size_t at = 1; at <= 24; at++) {
            char text[40];

            memset(text, 'x', sizeof(text));
            text[0] = '"';
            text[sizeof(text) - 1] = '"';
            text[at] = stops[stop];
            EXPECT_RC(read_all((struct slice){text, sizeof(text)}, JSON_STRICT), RC_MALFORMED);
            EXPECT_U64(json.problem_at, stops[stop] == '"' ? at + 1 : stops[stop] == '\n' ? 0 : at);
        }
    }
}

/* One kind of byte at a time, so that a borrow of the scan's subtractions would show. */
static void plain_bytes_never_stop_a_string(void)
{
    for (int c = 0x20; c < 0x80; c++) {
        char text[34];

        if (c == '"' || c == '\\')
            continue;
        memset(text, c, sizeof(text));
        text[0] = '"';
        text[sizeof(text) - 1] = '"';
        EXPECT_RC(read_all((struct slice){text, sizeof(text)}, JSON_STRICT), RC_END);
    }
}

static void utf_8_is_checked_strictly(void)
{
    static const char *const good[] = {
        "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80",     "\xED\x9F\xBF",     "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\xF3\xBF\xBF\xBF",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x7F",
        "\xC2\xC0",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2\x82\x2E",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x8D",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xF0\x9F\x8D\xC0",
        "\xE2\x28\xA1",
    };
    char text[16];

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        int size = snprintf(text, sizeof(text), "\"a%s\"", good[i]);

        EXPECT_RC(read_all((struct slice){text, (size_t)size}, JSON_STRICT), RC_END);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int size = snprintf(text, sizeof(text), "\"a%s\"", bad[i]);

        EXPECT_RC(read_all((struct slice){text, (size_t)size}, JSON_STRICT), RC_MALFORMED);
        EXPECT_TEXT(slice_of(json.problem), "not UTF-8");
        EXPECT_U64(json.problem_at, 2);
    }
    EXPECT_PROBLEM("[\xC0]", 1, "not UTF-8");
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void numbers_beyond_the_grammar_are_refused(void)
{
    EXPECT_PROBLEM("01", 0, "a number with a leading zero");
    EXPECT_PROBLEM("[-01]", 1, "a number with a leading zero");
    EXPECT_PROBLEM("1.", 2, "expected a digit after the point");
    EXPECT_PROBLEM("[1.e3]", 3, "expected a digit after the point");
    EXPECT_PROBLEM("[.5]", 1, "expected a digit before the point");
    EXPECT_PROBLEM("+1", 0, "a number may not begin with +");
    EXPECT_PROBLEM("[-]", 2, "expected a digit after -");
    EXPECT_PROBLEM("-Infinity", 1, "expected a digit after -");
    EXPECT_PROBLEM("1e", 2, "expected a digit in the exponent");
    EXPECT_PROBLEM("[1e+]", 4, "expected a digit in the exponent");
    EXPECT_PROBLEM("0x10", 0, "not a number (a quantity with a unit needs quotes)");
    EXPECT_PROBLEM("[250ms]", 1, "not a number (a quantity with a unit needs quotes)");
    EXPECT_PROBLEM("[1.2.3]", 1, "not a number (a quantity with a unit needs quotes)");
    EXPECT_PROBLEM("[1_000]", 1, "not a number (a quantity with a unit needs quotes)");
}

static uint64_t u64_of(const char *text)
{
    struct json_token token = only_token(slice_of(text));
    uint64_t value = 7777;

    EXPECT_RC(json_u64(&token, &value), RC_OK);
    return value;
}

static enum rc u64_refusal(const char *text)
{
    struct json_token token = only_token(slice_of(text));
    uint64_t value = 7777;
    enum rc rc = json_u64(&token, &value);

    EXPECT_U64(value, 7777);
    return rc;
}

static void whole_numbers_stay_exact_to_64_bits(void)
{
    EXPECT_U64(u64_of("0"), 0);
    EXPECT_U64(u64_of("9007199254740993"), 9007199254740993u);
    EXPECT_U64(u64_of("18446744073709551615"), UINT64_MAX);
    EXPECT_RC(u64_refusal("18446744073709551616"), RC_LIMIT);
    EXPECT_RC(u64_refusal("99999999999999999999999"), RC_LIMIT);
}

static void whole_is_what_has_no_fraction_however_it_is_written(void)
{
    EXPECT_U64(u64_of("3.0"), 3);
    EXPECT_U64(u64_of("3e2"), 300);
    EXPECT_U64(u64_of("3.25E+2"), 325);
    EXPECT_U64(u64_of("3000e-3"), 3);
    EXPECT_U64(u64_of("305.00"), 305);
    EXPECT_U64(u64_of("0.003e3"), 3);
    EXPECT_U64(u64_of("1844674407370955161.5e1"), UINT64_MAX);
    EXPECT_U64(u64_of("-0"), 0);
    EXPECT_U64(u64_of("0e999999999999"), 0);
    EXPECT_U64(u64_of("0.000e-999999999999"), 0);
    EXPECT_U64(u64_of("100000000000000000000000000000e-20"), 1000000000);
}

static void fractions_are_no_whole_numbers(void)
{
    EXPECT_RC(u64_refusal("3.5"), RC_MALFORMED);
    EXPECT_RC(u64_refusal("5e-1"), RC_MALFORMED);
    EXPECT_RC(u64_refusal("-0.1"), RC_MALFORMED);
    EXPECT_RC(u64_refusal("1e-999999999999"), RC_MALFORMED);
    EXPECT_RC(u64_refusal("123456789012345678901234567890.5"), RC_MALFORMED);
    EXPECT_RC(u64_refusal("1000000000000000000000000000001e-1"), RC_MALFORMED);
}

static void numbers_out_of_range_are_a_limit(void)
{
    EXPECT_RC(u64_refusal("-1"), RC_LIMIT);
    EXPECT_RC(u64_refusal("1e400"), RC_LIMIT);
    EXPECT_RC(u64_refusal("1e999999999999"), RC_LIMIT);
    EXPECT_RC(u64_refusal("1e99999999999999999999999999"), RC_LIMIT);
    EXPECT_RC(u64_refusal("1844674407370955161.6e1"), RC_LIMIT);
    EXPECT_RC(u64_refusal("100000000000000000000000000001"), RC_LIMIT);
}

static void what_is_no_number_has_no_value(void)
{
    struct json_token token = only_token(SLICE("\"3\""));
    int64_t i = 7;
    double d = 7;

    EXPECT_RC(u64_refusal("\"3\""), RC_MALFORMED);
    EXPECT_RC(u64_refusal("null"), RC_MALFORMED);
    EXPECT_RC(json_i64(&token, &i), RC_MALFORMED);
    EXPECT_RC(json_double(&token, &d), RC_MALFORMED);
}

static void signed_numbers_reach_both_ends(void)
{
    static const struct {
        const char *text;
        enum rc rc;
        int64_t value;
    } rows[] = {
        {"-9223372036854775808", RC_OK, INT64_MIN},
        {"9223372036854775807", RC_OK, INT64_MAX},
        {"-1", RC_OK, -1},
        {"-0.0", RC_OK, 0},
        {"-12e1", RC_OK, -120},
        {"-9223372036854775809", RC_LIMIT, 7777},
        {"9223372036854775808", RC_LIMIT, 7777},
        {"-1.5", RC_MALFORMED, 7777},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct json_token token = only_token(slice_of(rows[i].text));
        int64_t value = 7777;

        EXPECT_RC(json_i64(&token, &value), rows[i].rc);
        EXPECT_I64(value, rows[i].value);
    }
}

static void doubles_are_the_nearest_ones(void)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0.1", 0.1},    {"-2.5e3", -2500.0}, {"9007199254740993", 9007199254740992.0},
        {"1e-400", 0.0}, {"0", 0.0},          {"1.7976931348623157e308", 0x1.fffffffffffffp1023}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct json_token token = only_token(slice_of(rows[i].text));
        double value = 7;

        EXPECT_RC(json_double(&token, &value), RC_OK);
        CU_ASSERT(value == rows[i].value);
    }
}

static void doubles_that_are_not_finite_or_absurdly_long_are_a_limit(void)
{
    struct json_token token = only_token(SLICE("-1e400"));
    char digits[2000];
    double value = 7;

    EXPECT_RC(json_double(&token, &value), RC_LIMIT);
    memset(digits, '1', sizeof(digits));
    digits[1] = '.';
    token = only_token((struct slice){digits, sizeof(digits)});
    EXPECT_RC(json_double(&token, &value), RC_LIMIT);
    CU_ASSERT(value == 7);
}

/* --- values, positions ------------------------------------------------------------------------ */

static void skipping_goes_behind_the_whole_value(void)
{
    struct json_token token;

    json_init(&json, SLICE("[{\"a\":[1,{}],\"b\":\"]\"},2]"), JSON_STRICT);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_RC(json_skip(&json, &token), RC_OK);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_TEXT(token.raw, "2");
    EXPECT_RC(json_skip(&json, &token), RC_OK); /* nothing left of a scalar */
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_U64(token.kind, JSON_ARRAY_END);
}

static void skipping_checks_what_it_skips(void)
{
    struct json_token token;

    json_init(&json, SLICE("[[1,01]]"), JSON_STRICT);
    EXPECT_RC(json_next(&json, &token), RC_OK);
    EXPECT_RC(json_skip(&json, &token), RC_MALFORMED);
    EXPECT_U64(json.problem_at, 4);
}

static void a_value_is_cut_out_as_it_was_written(void)
{
    static const char *const values[] = {"{ \"a\" : 1 }", "[ ]", "\"te\\nxt\"", "-1.5", "null"};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct json_token token;
        struct slice value;
        char text[64];
        int size = snprintf(text, sizeof(text), "[ %s , 7 ]", values[i]);

        json_init(&json, (struct slice){text, (size_t)size}, JSON_STRICT);
        EXPECT_RC(json_next(&json, &token), RC_OK);
        EXPECT_RC(json_next(&json, &token), RC_OK);
        EXPECT_RC(json_value(&json, &token, &value), RC_OK);
        CU_ASSERT(slice_is(value, slice_of(values[i])));
        EXPECT_RC(json_next(&json, &token), RC_OK);
        EXPECT_TEXT(token.raw, "7");
    }
}

static void positions_count_lines_and_columns_from_one(void)
{
    struct slice text = SLICE("{\n  \"a\": 1\r\n}");
    struct json_position start = json_position(text, 0);
    struct json_position key = json_position(text, 4);
    struct json_position end = json_position(text, 12);
    struct json_position beyond = json_position(text, 999);

    EXPECT_U64(start.line, 1);
    EXPECT_U64(start.column, 1);
    EXPECT_U64(key.line, 2);
    EXPECT_U64(key.column, 3);
    EXPECT_U64(end.line, 3);
    EXPECT_U64(end.column, 1);
    EXPECT_U64(beyond.line, 3);
    EXPECT_U64(beyond.column, 2);
}

static void kinds_have_names_for_messages(void)
{
    EXPECT_TEXT(slice_of(json_kind_text(JSON_OBJECT)), "an object");
    EXPECT_TEXT(slice_of(json_kind_text(JSON_NULL)), "null");
}

/* --- writing ---------------------------------------------------------------------------------- */

static void writes_quotes_backslashes_and_controls_as_escapes(void)
{
    json_write_text(&out, SLICE("a\"b\\c/\b\f\n\r\t\x01\x1F\x7F\0z"));
    EXPECT_TEXT(buffer_slice(&out), "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u0000z\"");
}

static void writes_utf_8_as_it_is_and_replaces_what_is_none(void)
{
    json_write_text(&out, SLICE("\xE2\x9F\xA6r17\xE2\x9F\xA7 \xF0\x9F\x8D\xB5 \xFF \xE2\x82"));
    EXPECT_TEXT(buffer_slice(&out), "\"\xE2\x9F\xA6r17\xE2\x9F\xA7 \xF0\x9F\x8D\xB5 \xEF\xBF\xBD "
                                    "\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void parts_make_one_string(void)
{
    buffer_byte(&out, '"');
    json_write_part(&out, SLICE("one\n"));
    json_write_part(&out, (struct slice){0});
    json_write_part(&out, SLICE("two"));
    buffer_byte(&out, '"');
    EXPECT_TEXT(buffer_slice(&out), "\"one\\ntwo\"");
}

/* Every byte value, at every place of a word, survives writing and reading. */
static void reads_back_what_it_writes(void)
{
    struct buffer written;

    buffer_init(&written, memory_heap(), 4096);
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 18; at++) {
            char text[18];

            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            buffer_clear(&written);
            json_write_text(&written, (struct slice){text, sizeof(text)});
            CU_ASSERT(
                slice_is(decoded(buffer_slice(&written)), (struct slice){text, sizeof(text)}));
        }
    }
    buffer_deinit(&written);
}

static CU_TestInfo tests[] = {
    {"reads every kind of value", reads_every_kind_of_value},
    {"white space may stand between any two tokens", white_space_may_stand_between_any_two_tokens},
    {"a value alone is a text", a_value_alone_is_a_text},
    {"tokens tell where they begin", tokens_tell_where_they_begin},
    {"the end stays the end", the_end_stays_the_end},
    {"a text without a value is empty", a_text_without_a_value_is_empty},
    {"an unfinished text says inside what it ended", an_unfinished_text_says_inside_what_it_ended},
    {"text after the end is refused", text_after_the_end_is_refused},
    {"separators that are missing or too many are named",
     separators_that_are_missing_or_too_many_are_named},
    {"words and quotes of other languages are explained",
     words_and_quotes_of_other_languages_are_explained},
    {"sixty-four levels pass and one more is a limit",
     sixty_four_levels_pass_and_one_more_is_a_limit},
    {"a text over its limit is refused before it is read",
     a_text_over_its_limit_is_refused_before_it_is_read},
    {"a zeroed reader reads an empty text", a_zeroed_reader_reads_an_empty_text},
    {"a failed call leaves the token alone", a_failed_call_leaves_the_token_alone},
    {"comments and a trailing comma pass where they are allowed",
     comments_and_a_trailing_comma_pass_where_they_are_allowed},
    {"comments are refused elsewhere", comments_are_refused_elsewhere},
    {"only one trailing comma passes and only after something",
     only_one_trailing_comma_passes_and_only_after_something},
    {"an open comment is named where it begins", an_open_comment_is_named_where_it_begins},
    {"a key that stands twice in one object is refused on request",
     a_key_that_stands_twice_in_one_object_is_refused_on_request},
    {"the same key may stand in different objects", the_same_key_may_stand_in_different_objects},
    {"a key written with escapes is the same key", a_key_written_with_escapes_is_the_same_key},
    {"a long key is shown cut but never in half a character",
     a_long_key_is_shown_cut_but_never_in_half_a_character},
    {"more open keys than there are places are a limit",
     more_open_keys_than_there_are_places_are_a_limit},
    {"decodes every escape", decodes_every_escape},
    {"a text without escapes is itself", a_text_without_escapes_is_itself},
    {"compares without decoding into memory", compares_without_decoding_into_memory},
    {"broken escapes are refused where they stand", broken_escapes_are_refused_where_they_stand},
    {"half a surrogate pair is refused", half_a_surrogate_pair_is_refused},
    {"open strings are named where they begin", open_strings_are_named_where_they_begin},
    {"a stop is found at every place of a word", a_stop_is_found_at_every_place_of_a_word},
    {"plain bytes never stop a string", plain_bytes_never_stop_a_string},
    {"UTF-8 is checked strictly", utf_8_is_checked_strictly},
    {"numbers beyond the grammar are refused", numbers_beyond_the_grammar_are_refused},
    {"whole numbers stay exact to 64 bits", whole_numbers_stay_exact_to_64_bits},
    {"whole is what has no fraction however it is written",
     whole_is_what_has_no_fraction_however_it_is_written},
    {"fractions are no whole numbers", fractions_are_no_whole_numbers},
    {"numbers out of range are a limit", numbers_out_of_range_are_a_limit},
    {"what is no number has no value", what_is_no_number_has_no_value},
    {"signed numbers reach both ends", signed_numbers_reach_both_ends},
    {"doubles are the nearest ones", doubles_are_the_nearest_ones},
    {"doubles that are not finite or absurdly long are a limit",
     doubles_that_are_not_finite_or_absurdly_long_are_a_limit},
    {"skipping goes behind the whole value", skipping_goes_behind_the_whole_value},
    {"skipping checks what it skips", skipping_checks_what_it_skips},
    {"a value is cut out as it was written", a_value_is_cut_out_as_it_was_written},
    {"positions count lines and columns from one", positions_count_lines_and_columns_from_one},
    {"kinds have names for messages", kinds_have_names_for_messages},
    {"writes quotes backslashes and controls as escapes",
     writes_quotes_backslashes_and_controls_as_escapes},
    {"writes UTF-8 as it is and replaces what is none",
     writes_utf_8_as_it_is_and_replaces_what_is_none},
    {"parts make one string", parts_make_one_string},
    {"reads back what it writes", reads_back_what_it_writes},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo json_suite = {"json", set_up_suite, tear_down_suite, set_up, NULL, tests};
