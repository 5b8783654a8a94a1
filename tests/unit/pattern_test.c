#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#include "base/pattern.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static struct arena arena;
static struct pattern pattern;
static size_t offset;
static const char *problem;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 4 << 20);
    pattern = (struct pattern){0};
    offset = 99;
    problem = NULL;
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static enum rc compile(enum pattern_kind kind, const char *text)
{
    return pattern_compile(&pattern, kind, slice_of(text), &arena, &offset, &problem);
}

static bool matches(const char *text)
{
    return pattern_matches(&pattern, slice_of(text));
}

static void a_zeroed_pattern_equals_the_empty_text(void)
{
    CU_ASSERT(matches(""));
    CU_ASSERT(!matches("x"));
}

static void equal_means_the_whole_text_byte_for_byte(void)
{
    char text[] = "a*b";

    EXPECT_RC(compile(PATTERN_EQUALS, text), RC_OK);
    text[0] = 'z'; /* the pattern keeps a copy */
    CU_ASSERT(matches("a*b"));
    CU_ASSERT(!matches("aXb"));
    CU_ASSERT(!matches("a*b "));
    CU_ASSERT(!matches("A*b"));
}

static void a_glob_means_the_whole_text(void)
{
    EXPECT_RC(compile(PATTERN_GLOB, "claude-*-4?"), RC_OK);
    CU_ASSERT(matches("claude-sonnet-45"));
    CU_ASSERT(!matches("claude-sonnet-4"));
    CU_ASSERT(!matches("x claude-sonnet-45"));
}

static void an_expression_may_match_anywhere_unless_anchored(void)
{
    EXPECT_RC(compile(PATTERN_REGEX, "(opus|sonnet)-[0-9]+"), RC_OK);
    CU_ASSERT(matches("claude-sonnet-4-5"));
    CU_ASSERT(!matches("claude-haiku-4-5"));
    EXPECT_RC(compile(PATTERN_REGEX, "^(opus|sonnet)$"), RC_OK);
    CU_ASSERT(matches("opus"));
    CU_ASSERT(!matches("claude-opus"));
    EXPECT_U64(pattern.gave_up, 0);
}

static void an_expression_sees_bytes_as_they_come(void)
{
    EXPECT_RC(compile(PATTERN_REGEX, "^\xc3.\\z"), RC_OK);
    CU_ASSERT(matches("\xc3\xa4"));
    EXPECT_RC(compile(PATTERN_REGEX, "b.d"), RC_OK);
    CU_ASSERT(pattern_matches(&pattern, (struct slice){"a\0b\0d", 5}));
    CU_ASSERT(!pattern_matches(&pattern, (struct slice){"abcd", 3}));
    EXPECT_RC(compile(PATTERN_REGEX, "^$"), RC_OK);
    CU_ASSERT(pattern_matches(&pattern, (struct slice){NULL, 0}));
}

static void a_bad_expression_says_what_and_where(void)
{
    pattern.gave_up = 7;
    EXPECT_RC(compile(PATTERN_REGEX, "abc(de"), RC_MALFORMED);
    EXPECT_U64(offset, 6);
    CU_ASSERT_STRING_EQUAL(problem, "missing closing parenthesis");
    EXPECT_U64(pattern.gave_up, 7); /* as it was */
    EXPECT_RC(compile(PATTERN_REGEX, "a{2,1}"), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(problem, "numbers out of order in {} quantifier");
    EXPECT_RC(compile(PATTERN_REGEX, "(*UTF)x"), RC_MALFORMED);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static struct slice repeated(char byte, size_t size)
{
    static char text[1 << 20];

    CU_ASSERT_FATAL(size <= sizeof(text));
    memset(text, byte, size);
    return (struct slice){text, size};
}

static void catastrophic_expressions_give_up(void)
{
    static const char *const catastrophes[] = {"(a+)+[xy]", "(a|aa)+[xy]", "(a*)*[xy]",
                                               "(?:a|a)*[xy]", "(.*)(.*)(.*)(.*)(.*)[xy]"};

    for (size_t i = 0; i < sizeof(catastrophes) / sizeof(catastrophes[0]); i++) {
        pattern = (struct pattern){0};
        EXPECT_RC(compile(PATTERN_REGEX, catastrophes[i]), RC_OK);
        CU_ASSERT(!pattern_matches(&pattern, repeated('a', 6000)));
        EXPECT_U64(pattern.gave_up, 1);
    }
}

/* Each start is cheap for PCRE2's own count; all of them together are not. */
static void a_long_text_is_not_run_over_again_and_again(void)
{
    EXPECT_RC(compile(PATTERN_REGEX, "a*[xy]"), RC_OK);
    CU_ASSERT(!pattern_matches(&pattern, repeated('a', 1 << 20)));
    EXPECT_U64(pattern.gave_up, 1);
}

static void a_long_text_is_searched_to_its_end(void)
{
    static char text[1 << 20];

    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(text) - 8, " refund!", 8);
    EXPECT_RC(compile(PATTERN_REGEX, "\\brefund(ed)?\\b"), RC_OK);
    CU_ASSERT(pattern_matches(&pattern, (struct slice){text, sizeof(text)}));
    EXPECT_RC(compile(PATTERN_REGEX, "[r-z]efun[a-d]"), RC_OK);
    CU_ASSERT(pattern_matches(&pattern, (struct slice){text, sizeof(text)}));
    EXPECT_U64(pattern.gave_up, 0);
}

static void giving_up_once_does_not_spoil_the_next_match(void)
{
    EXPECT_RC(compile(PATTERN_REGEX, "^(a|aa)+$"), RC_OK);
    CU_ASSERT(!pattern_matches(&pattern, repeated('a', 20000))); /* nests too deeply */
    CU_ASSERT(matches("aaaa"));
    CU_ASSERT(!matches("aaab"));
    EXPECT_U64(pattern.gave_up, 1);
}

static void matching_takes_nothing_from_the_arena(void)
{
    size_t used;

    EXPECT_RC(compile(PATTERN_REGEX, "(a|b|(c))+x"), RC_OK);
    used = arena.bytes_used;
    for (size_t size = 1; size < 5000; size += 100)
        (void)pattern_matches(&pattern, repeated('a', size));
    EXPECT_U64(arena.bytes_used, used);
}

static void whatever_allocation_fails_nothing_is_left_behind(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        enum rc rc;

        arena_deinit(&arena);
        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&arena, &memory, 4 << 20);
        rc = compile(PATTERN_REGEX, "^a+(b|c)$");
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&arena);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static void an_arena_that_is_full_says_so_wherever_that_happens(void)
{
    enum rc rc = RC_LIMIT;

    for (size_t ceiling = 0; rc == RC_LIMIT; ceiling += 512) {
        arena_deinit(&arena);
        arena_init(&arena, memory_heap(), ceiling);
        rc = compile(PATTERN_REGEX, "^a+(b|c)$");
        CU_ASSERT(rc == RC_LIMIT || rc == RC_OK);
    }
    EXPECT_RC(rc, RC_OK);
}

static CU_TestInfo tests[] = {
    {"a zeroed pattern equals the empty text", a_zeroed_pattern_equals_the_empty_text},
    {"equal means the whole text, byte for byte", equal_means_the_whole_text_byte_for_byte},
    {"a glob means the whole text", a_glob_means_the_whole_text},
    {"an expression may match anywhere unless anchored",
     an_expression_may_match_anywhere_unless_anchored},
    {"an expression sees bytes as they come", an_expression_sees_bytes_as_they_come},
    {"a bad expression says what and where", a_bad_expression_says_what_and_where},
    {"catastrophic expressions give up", catastrophic_expressions_give_up},
    {"a long text is not run over again and again", a_long_text_is_not_run_over_again_and_again},
    {"a long text is searched to its end", a_long_text_is_searched_to_its_end},
    {"giving up once does not spoil the next match", giving_up_once_does_not_spoil_the_next_match},
    {"matching takes nothing from the arena", matching_takes_nothing_from_the_arena},
    {"whatever allocation fails, nothing is left behind",
     whatever_allocation_fails_nothing_is_left_behind},
    {"an arena that is full says so wherever that happens",
     an_arena_that_is_full_says_so_wherever_that_happens},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo pattern_suite = {"pattern", NULL, NULL, set_up, tear_down, tests};
