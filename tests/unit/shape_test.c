/* The reader of objects by table. */

#include "wire/shape.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

struct seen {
    struct json_token name;
    struct shape_number count;
    uint64_t bytes;
    uint64_t boxes;
    uint64_t items;
};

static const struct shape item_shape[] = {
    {SHAPE_NAME("text"), SHAPE_BYTES, offsetof(struct seen, bytes), NULL},
    SHAPE_DONE,
};

static const struct shape box_shape[] = {
    {SHAPE_NAME("count"), SHAPE_NUMBER, offsetof(struct seen, count), NULL},
    {SHAPE_NAME("items"), SHAPE_EACH, offsetof(struct seen, items), item_shape},
    {SHAPE_NAME("items"), SHAPE_BYTES, offsetof(struct seen, bytes), NULL},
    SHAPE_DONE,
};

static const struct shape top_shape[] = {
    {SHAPE_NAME("name"), SHAPE_SCALAR, offsetof(struct seen, name), NULL},
    {SHAPE_NAME("box"), SHAPE_OBJECT, offsetof(struct seen, boxes), box_shape},
    SHAPE_DONE,
};

static struct seen seen;

static enum rc read_as(struct slice text)
{
    seen = (struct seen){0};
    return shape_read(text, top_shape, &seen, NULL);
}

static void takes_members_in_any_order_at_any_depth(void)
{
    EXPECT_RC(read_as(SLICE("{\"box\":{\"items\":[{\"text\":\"abc\"},{\"text\":\"de\"}],"
                            "\"count\":7},\"name\":\"x\"}")),
              RC_OK);
    EXPECT_TEXT(seen.name.raw, "x");
    EXPECT_U64(seen.count.value, 7);
    EXPECT_U64(seen.boxes, 1);
    EXPECT_U64(seen.items, 2);
    EXPECT_U64(seen.bytes, 5);
}

static void passes_over_what_it_does_not_know(void)
{
    EXPECT_RC(read_as(SLICE("{\"a\":{\"name\":1,\"box\":[]},\"name\":\"x\",\"b\":[[{}],null]}")),
              RC_OK);
    EXPECT_TEXT(seen.name.raw, "x");
    EXPECT_U64(seen.boxes, 0);
}

static void counts_nulls_and_other_kinds_as_absent(void)
{
    EXPECT_RC(read_as(SLICE("{\"name\":null,\"box\":[{\"count\":1}]}")), RC_OK);
    CU_ASSERT(seen.name.raw.data == NULL);
    EXPECT_U64(seen.boxes, 0);
    EXPECT_RC(read_as(SLICE("{\"name\":{},\"box\":{\"count\":-1,\"items\":[1,[2],\"x\"]}}")),
              RC_OK);
    CU_ASSERT(seen.name.raw.data == NULL);
    CU_ASSERT(!seen.count.is_known);
    EXPECT_U64(seen.items, 0);
}

static void takes_one_name_in_two_kinds(void)
{
    EXPECT_RC(read_as(SLICE("{\"box\":{\"items\":\"four\"}}")), RC_OK);
    EXPECT_U64(seen.bytes, 4);
}

static void lets_the_last_of_one_name_win(void)
{
    EXPECT_RC(read_as(SLICE("{\"name\":\"x\",\"name\":\"y\",\"name\":null}")), RC_OK);
    EXPECT_TEXT(seen.name.raw, "y");
}

static void knows_names_written_with_escapes(void)
{
    EXPECT_RC(read_as(SLICE("{\"n\\u0061me\":\"\\u0078\"}")), RC_OK);
    CU_ASSERT(shape_is(&seen.name, SLICE("x")));
    CU_ASSERT(!shape_is(&seen.name, SLICE("y")));
}

static void measures_texts_decoded(void)
{
    EXPECT_RC(read_as(SLICE("{\"box\":{\"items\":"
                            "\"a\\n\\\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\xe2\x82\xac\"}}")),
              RC_OK);
    EXPECT_U64(seen.bytes, 1 + 1 + 1 + 1 + 2 + 3 + 4 + 3);
    EXPECT_RC(read_as(SLICE("{\"box\":{\"items\":\"\\u007f\\u0080\\u07FF\\u0800\\uFFFF\"}}")),
              RC_OK);
    EXPECT_U64(seen.bytes, 1 + 2 + 2 + 3 + 3);
}

static void says_what_is_wrong(void)
{
    const char *problem = NULL;

    EXPECT_RC(shape_read(SLICE("[]"), top_shape, &seen, &problem), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(problem, "expected an object");
    problem = NULL;
    EXPECT_RC(shape_read(SLICE("{\"name\" \"x\"}"), top_shape, &seen, &problem), RC_MALFORMED);
    CU_ASSERT(problem != NULL && problem[0] != '\0');
}

static void refuses_what_is_no_object_or_not_only_one(void)
{
    EXPECT_RC(read_as(SLICE("")), RC_MALFORMED);
    EXPECT_RC(read_as(SLICE("null")), RC_MALFORMED);
    EXPECT_RC(read_as(SLICE("{} {}")), RC_MALFORMED);
    EXPECT_RC(read_as(SLICE("<html>")), RC_MALFORMED);
}

static void expect_copy(struct slice text, size_t capacity, const char *expected)
{
    char out[32] = "before";

    EXPECT_RC(read_as(text), RC_OK);
    shape_copy(&seen.name, out, capacity);
    CU_ASSERT_STRING_EQUAL(out, expected);
}

static void copies_decoded_and_cut_between_characters(void)
{
    expect_copy(SLICE("{\"name\":\"a\\tb\"}"), 32, "a\tb");
    expect_copy(SLICE("{\"name\":\"abcdef\"}"), 4, "abc");
    expect_copy(SLICE("{\"name\":\"ab\xe2\x82\xac\"}"), 5, "ab");
    expect_copy(SLICE("{\"name\":\"ab\xe2\x82\xac\"}"), 6, "ab\xe2\x82\xac");
    expect_copy(SLICE("{\"name\":\"ab\\u20acdefgh\"}"), 8, "ab");
    expect_copy(SLICE("{\"name\":\"\\ud83d\\ude00x\"}"), 13, "\xf0\x9f\x98\x80");
    expect_copy(SLICE("{\"name\":\"\\ud83d\\ude00x\"}"), 12, "");
}

static void copies_numbers_as_written_and_leaves_alone_what_is_absent(void)
{
    expect_copy(SLICE("{\"name\":4.50}"), 32, "4.50");
    expect_copy(SLICE("{}"), 32, "before");
}

/* --- rows for requests ------------------------------------------------------------------------ */

struct found {
    struct json_token first;
    struct shape_words roles;
    struct shape_list turns;
    struct shape_texts texts;
    struct shape_number number;
    struct slice span;
    size_t mark;
};

static const struct shape role_names[] = {
    {SHAPE_NAME("user"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    {SHAPE_NAME("model"), SHAPE_SCALAR, SHAPE_NOWHERE, NULL},
    SHAPE_DONE,
};

static const struct shape turn_shape[] = {
    {SHAPE_NAME("name"), SHAPE_FIRST, offsetof(struct found, first), NULL},
    {SHAPE_NAME("role"), SHAPE_WORDS, offsetof(struct found, roles), role_names},
    {SHAPE_NAME("mark"), SHAPE_HERE, offsetof(struct found, mark), NULL},
    SHAPE_DONE,
};

static const struct shape turns_shape[] = {
    {{0}, SHAPE_FIRST, offsetof(struct found, first), NULL},
    {{0}, SHAPE_LIST, offsetof(struct found, turns), turn_shape},
    SHAPE_DONE,
};

static const struct shape found_shape[] = {
    {SHAPE_NAME("turns"), SHAPE_SPAN, offsetof(struct found, span), turns_shape},
    {SHAPE_NAME("texts"), SHAPE_TEXTS, offsetof(struct found, texts), NULL},
    {SHAPE_NAME("number"), SHAPE_NUMBER, offsetof(struct found, number), NULL},
    SHAPE_DONE,
};

static struct found find(const char *text)
{
    struct found found = {0};

    EXPECT_RC(shape_read(slice_of(text), found_shape, &found, NULL), RC_OK);
    return found;
}

static void keeps_the_first_and_the_odd_one(void)
{
    struct found found = find("{\"turns\":[{\"role\":\"user\",\"name\":\"a\"},{\"role\":\"odd\","
                              "\"name\":\"b\"},{\"role\":\"odder\"},{\"role\":\"m\\u006fdel\"}]}");

    EXPECT_TEXT(found.first.raw, "a");
    EXPECT_TEXT(found.roles.first.raw, "user");
    EXPECT_TEXT(found.roles.odd.raw, "odd");
    found = find("{\"turns\":[{\"role\":\"m\\u006fdel\"}]}");
    CU_ASSERT(found.roles.odd.raw.data == NULL);
}

static void knows_where_the_last_element_and_the_last_mark_stand(void)
{
    const char *text = "{\"turns\": [{\"mark\":{\"a\":[1]}} , {\"mark\":{}}, 7, {\"mark\":null}]}";
    struct found found = find(text);

    EXPECT_U64(found.turns.count, 3);
    CU_ASSERT(strncmp(text + found.turns.last_at, "{\"mark\":null", 12) == 0);
    CU_ASSERT(strncmp(text + found.mark, "}, 7", 4) == 0);
}

static void spans_a_whole_value_of_any_kind(void)
{
    EXPECT_TEXT(find("{\"turns\": [ {} ] }").span, "[ {} ]");
    EXPECT_TEXT(find("{\"turns\":\"a\\n\" }").span, "\"a\\n\"");
    EXPECT_TEXT(find("{\"turns\":{\"role\":[]}}").span, "{\"role\":[]}");
    CU_ASSERT(find("{\"turns\":null}").span.data == NULL);
}

static void counts_texts_and_what_is_none(void)
{
    struct found found = find("{\"texts\":[\"a\\n\",\"bcd\",[1,[2]],null,{}]}");

    EXPECT_U64(found.texts.count, 5);
    EXPECT_U64(found.texts.bytes, 5);
}

static void tells_a_negative_number_from_none(void)
{
    CU_ASSERT(find("{\"number\":-4}").number.is_negative);
    CU_ASSERT(!find("{\"number\":4}").number.is_negative);
    CU_ASSERT(!find("{\"number\":0.5}").number.is_known);
}

static CU_TestInfo shape_tests[] = {
    {"takes members in any order at any depth", takes_members_in_any_order_at_any_depth},
    {"passes over what it does not know", passes_over_what_it_does_not_know},
    {"counts nulls and other kinds as absent", counts_nulls_and_other_kinds_as_absent},
    {"takes one name in two kinds", takes_one_name_in_two_kinds},
    {"lets the last of one name win", lets_the_last_of_one_name_win},
    {"knows names written with escapes", knows_names_written_with_escapes},
    {"measures texts decoded", measures_texts_decoded},
    {"says what is wrong", says_what_is_wrong},
    {"refuses what is no object, or not only one", refuses_what_is_no_object_or_not_only_one},
    {"copies decoded, and cut between characters", copies_decoded_and_cut_between_characters},
    {"copies numbers as written and leaves alone what is absent",
     copies_numbers_as_written_and_leaves_alone_what_is_absent},
    {"keeps the first and the odd one", keeps_the_first_and_the_odd_one},
    {"knows where the last element and the last mark stand",
     knows_where_the_last_element_and_the_last_mark_stand},
    {"spans a whole value of any kind", spans_a_whole_value_of_any_kind},
    {"counts texts and what is none", counts_texts_and_what_is_none},
    {"tells a negative number from none", tells_a_negative_number_from_none},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo shape_suite = {"shape", NULL, NULL, NULL, NULL, shape_tests};
