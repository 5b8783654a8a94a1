#include "base/slice.h"

#include <CUnit/CUnit.h>

#include "base/attributes.h"
#include "tests/support/expect.h"

static const struct slice NONE = {0};

static void an_empty_slice_is_empty_wherever_it_points(void)
{
    CU_ASSERT(slice_is(NONE, SLICE("")));
    CU_ASSERT(slice_is_nocase(NONE, SLICE("")));
    CU_ASSERT(slice_starts_with(NONE, NONE));
    CU_ASSERT(!slice_is(NONE, SLICE("a")));
}

static void compares_bytes_zeros_included(void)
{
    CU_ASSERT(slice_is(SLICE("a\0b"), SLICE("a\0b")));
    CU_ASSERT(!slice_is(SLICE("a\0b"), SLICE("a\0c")));
    CU_ASSERT(!slice_is(SLICE("ab"), SLICE("abc")));
    CU_ASSERT(slice_is(slice_of("abc"), SLICE("abc")));
}

static void case_is_folded_for_ascii_letters_only(void)
{
    CU_ASSERT(slice_is_nocase(SLICE("Retry-After"), SLICE("rETRY-aFTER")));
    CU_ASSERT(!slice_is_nocase(SLICE("@"), SLICE("`"))); /* beside A and Z: 32 apart as well */
    CU_ASSERT(!slice_is_nocase(SLICE("["), SLICE("{")));
    CU_ASSERT(!slice_is_nocase(SLICE("\xC3\x84"), SLICE("\xC3\xA4")));
    CU_ASSERT(!slice_is_nocase(SLICE("a"), SLICE("ab")));
}

static void finds_beginnings_and_parts(void)
{
    CU_ASSERT(slice_starts_with(SLICE("data: x"), SLICE("data:")));
    CU_ASSERT(slice_starts_with(SLICE("data: x"), SLICE("")));
    CU_ASSERT(!slice_starts_with(SLICE("dat"), SLICE("data:")));
    CU_ASSERT(slice_has(SLICE("a context length of"), SLICE("length")));
    CU_ASSERT(slice_has(SLICE("tail"), SLICE("il")));
    CU_ASSERT(slice_has(SLICE("tail"), SLICE("")));
    CU_ASSERT(!slice_has(SLICE("tail"), SLICE("tails")));
}

static void trims_both_ends(void)
{
    EXPECT_TEXT(slice_trim(SLICE(" \t\r\na b \t\r\n")), "a b");
    EXPECT_TEXT(slice_trim(SLICE(" \r\n")), "");
    EXPECT_TEXT(slice_trim(NONE), "");
}

static void cuts_off_one_part_after_another(void)
{
    struct slice rest = SLICE("a,,bc,"), part;

    CU_ASSERT(slice_cut(&rest, ',', &part));
    EXPECT_TEXT(part, "a");
    CU_ASSERT(slice_cut(&rest, ',', &part));
    EXPECT_TEXT(part, "");
    CU_ASSERT(slice_cut(&rest, ',', &part));
    EXPECT_TEXT(part, "bc");
    CU_ASSERT(!slice_cut(&rest, ',', &part)); /* nothing behind the last separator */
    EXPECT_TEXT(part, "bc");
}

static void a_rest_without_a_separator_is_the_last_part(void)
{
    struct slice rest = SLICE("whole"), part;

    CU_ASSERT(slice_cut(&rest, ',', &part));
    EXPECT_TEXT(part, "whole");
    EXPECT_U64(rest.size, 0);
}

static void reads_whole_numbers_up_to_64_bits_and_nothing_else(void)
{
    static const char *const refused[] = {"",
                                          "-1",
                                          "+1",
                                          " 1",
                                          "1 ",
                                          "1.0",
                                          "0x1",
                                          "1a",
                                          "18446744073709551616",
                                          "99999999999999999999"};
    uint64_t value = 7;

    CU_ASSERT(slice_u64(SLICE("18446744073709551615"), &value));
    EXPECT_U64(value, UINT64_MAX);
    CU_ASSERT(slice_u64(SLICE("0007"), &value));
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        CU_ASSERT(!slice_u64(slice_of(refused[i]), &value));
    EXPECT_U64(value, 7);
}

static void copies_with_a_zero_behind_and_says_when_it_cut(void)
{
    char out[4] = "xxx";

    CU_ASSERT(slice_copy(SLICE("abc"), out, sizeof(out)));
    CU_ASSERT_STRING_EQUAL(out, "abc");
    CU_ASSERT(!slice_copy(SLICE("abcd"), out, sizeof(out)));
    CU_ASSERT_STRING_EQUAL(out, "abc");
    CU_ASSERT(slice_copy(NONE, out, sizeof(out)));
    CU_ASSERT_STRING_EQUAL(out, "");
    CU_ASSERT(!slice_copy(SLICE("a"), out, 1));
    CU_ASSERT_STRING_EQUAL(out, "");
}

static void globs_match_the_whole_text(void)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"claude-*", "claude-sonnet-4-5", true},
        {"claude-*", "claude-", true},
        {"claude-*", "a claude-x", false},
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"gpt-?o", "gpt-4o", true},
        {"gpt-?o", "gpt-o", false},
        {"*-4-*", "claude-4-sonnet-4-5", true},
        {"*ab", "aab", true}, /* the first try at "ab" is the wrong one */
        {"*a*b*c", "xaxbxbxc", true},
        {"*a*b*c", "xaxbxbxd", false},
        {"a**", "a", true},
        {"a?", "a", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        CU_ASSERT(slice_glob(slice_of(rows[i].pattern), slice_of(rows[i].text)) == rows[i].matches);
}

/* Exponential in a recursive matcher. */
static void a_glob_of_many_stars_takes_no_time(void)
{
    CU_ASSERT(!slice_glob(SLICE("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"),
                          SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
}

/* Computed apart from this code. They must never change: they name random streams. */
static void hashes_are_the_same_for_ever(void)
{
    EXPECT_U64(slice_hash(NONE), 0xecba3df2c3383c52);
    EXPECT_U64(slice_hash(SLICE("a")), 0xed8170de1919a24d);
    EXPECT_U64(slice_hash(SLICE("steady:40")), 0x2e133ea0c8281263);
}

static void distance_counts_edits_whatever_the_case(void)
{
    EXPECT_U64(slice_distance(SLICE("retries"), SLICE("retry")), 3);
    EXPECT_U64(slice_distance(SLICE("kitten"), SLICE("sitting")), 3);
    EXPECT_U64(slice_distance(SLICE("Rate"), SLICE("rate")), 0);
    EXPECT_U64(slice_distance(NONE, SLICE("abc")), 3);
    EXPECT_U64(slice_distance(SLICE("abc"), NONE), 3);
}

static void distance_looks_at_64_bytes_of_each(void)
{
    char a[100] = {0}, b[100] = {1};

    for (size_t i = 0; i < sizeof(a); i++)
        a[i] = b[i] = i < 64 ? 'x' : 'y';
    b[99] = 'z';
    EXPECT_U64(slice_distance((struct slice){a, sizeof(a)}, (struct slice){b, sizeof(b)}), 0);
}

static CU_TestInfo tests[] = {
    {"an empty slice is empty wherever it points", an_empty_slice_is_empty_wherever_it_points},
    {"compares bytes zeros included", compares_bytes_zeros_included},
    {"case is folded for ASCII letters only", case_is_folded_for_ascii_letters_only},
    {"finds beginnings and parts", finds_beginnings_and_parts},
    {"trims both ends", trims_both_ends},
    {"cuts off one part after another", cuts_off_one_part_after_another},
    {"a rest without a separator is the last part", a_rest_without_a_separator_is_the_last_part},
    {"reads whole numbers up to 64 bits and nothing else",
     reads_whole_numbers_up_to_64_bits_and_nothing_else},
    {"copies with a zero behind and says when it cut",
     copies_with_a_zero_behind_and_says_when_it_cut},
    {"globs match the whole text", globs_match_the_whole_text},
    {"a glob of many stars takes no time", a_glob_of_many_stars_takes_no_time},
    {"hashes are the same for ever", hashes_are_the_same_for_ever},
    {"distance counts edits whatever the case", distance_counts_edits_whatever_the_case},
    {"distance looks at 64 bytes of each", distance_looks_at_64_bytes_of_each},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo slice_suite = {"slice", NULL, NULL, NULL, NULL, tests};
