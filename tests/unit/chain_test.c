#include "judge/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/slice.h"
#include "tests/support/expect.h"

enum { REQUESTS_MAX = 32 };

static struct chain_request requests[REQUESTS_MAX];
static uint32_t count;
static char calls[256];

/* A line of requests, each "BEGUN-OVER COUNT END": instants in seconds, the SDK's count or "-", and
 * "ok", "x" (failed), "wN" (failed, with advice to wait N s), "!" (refused for good) or "left". */
static void take(const char *line)
{
    static const char *const gap = " ";
    char text[256];

    count = 0;
    strcpy(text, line);
    for (char *word = strtok(text, gap); word != NULL; word = strtok(NULL, gap)) {
        struct chain_request *r = &requests[count++];
        char *over;

        *r = (struct chain_request){.begun_at = strtol(word, &over, 10) * NANOS_S};
        r->over_at = *over == '-' ? strtol(over + 1, NULL, 10) * NANOS_S : NANOS_NEVER;
        word = strtok(NULL, gap);
        r->has_retry_count = *word != '-';
        r->retry_count = r->has_retry_count ? (uint32_t)atoi(word) : 0;
        word = strtok(NULL, gap);
        r->is_good = strcmp(word, "ok") == 0;
        r->is_final = *word == '!';
        r->is_left = strcmp(word, "left") == 0;
        r->welcome_at = nanos_add(r->over_at, *word == 'w' ? atoi(word + 1) * NANOS_S : 0);
    }
}

/* The calls that were made of it: of each request which one it begins or belongs to, "?" behind
 * those that are doubtful. */
static struct slice cut(const char *line)
{
    size_t used = 0;

    take(line);
    chain_cut(requests, count);
    calls[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(calls + used, sizeof(calls) - used, "%s%u%s", i > 0 ? " " : "",
                                 requests[i].first, requests[i].is_doubtful ? "?" : "");
    return slice_of(calls);
}

static void layers_of_retries_are_one_call(void)
{
    EXPECT_TEXT(cut("0-1 0 x  2-3 1 x  4-5 2 x  6-7 0 x  8-9 1 ok"), "0 0 0 0 0");
    EXPECT_TEXT(cut("0-1 0 x  2-3 1 x  4-5 0 x  6-7 1 x"), "0 0 0 0");
    EXPECT_TEXT(cut("0-1 - x  1-2 - x  2-3 - ok"), "0 0 0");
    EXPECT_TEXT(cut("0-1 - ok"), "0");
    EXPECT_TEXT(cut("0-1 3 x"), "0");
    EXPECT_TEXT(cut("0 0 x"), "0");
}

static void a_good_answer_ends_a_call(void)
{
    EXPECT_TEXT(cut("0-1 0 x  2-3 1 ok  4-5 0 ok  6-7 0 x  8-9 1 x  10-11 2 ok"), "0 0 2 3 3 3");
    EXPECT_TEXT(cut("0-1 - ok  2-3 - ok  4-5 - x"), "0 1 2");
}

static void a_failure_asked_again_is_doubtful_where_good_answers_are_too(void)
{
    EXPECT_TEXT(cut("0-1 0 ok  2-3 0 x  4-5 1 x  6-7 0 ok  8-9 0 ok"), "0 1? 1? 3? 4");
    EXPECT_TEXT(cut("0-1 - ok  2-3 - x  4-5 - ok"), "0 1? 2?");
}

static void several_at_once_go_by_the_sdks_count(void)
{
    EXPECT_TEXT(cut("0-2 0 x  1-3 0 x  4-5 1 ok  5-6 1 ok"), "0 1 0 1");
    EXPECT_TEXT(cut("0-2 0 ok  1-3 0 ok  1-4 - ok"), "0 1 2");
}

static void several_at_once_leave_what_follows_a_failure_in_doubt(void)
{
    EXPECT_TEXT(cut("0-2 0 ok  1-3 0 x  4-5 0 ok"), "0 1? 2?");
    EXPECT_TEXT(cut("0-2 - x  1-3 - ok  2-3 - ok"), "0? 1 2?");
    EXPECT_TEXT(cut("0 0 x  1-3 0 ok  4-5 0 ok"), "0 1 2"); /* that never ended was not retried */
}

static void retries_are_dealt_out_so_that_they_heed_advice_if_they_can(void)
{
    EXPECT_TEXT(cut("0-2 0 w9  1-3 0 w1  4-5 1 ok  12-13 1 ok"), "0 1 1 0");
    EXPECT_TEXT(cut("0-2 0 w1  1-3 0 w9  4-5 1 ok  12-13 1 ok"), "0 1 0 1");
}

static void nobody_goes_on_after_a_final_refusal_where_another_could(void)
{
    EXPECT_TEXT(cut("0-2 0 !  1-3 0 x  4-5 1 ok"), "0 1 1");
    EXPECT_TEXT(cut("0-2 0 !  1-3 0 ok  4-5 1 ok"), "0 1 0");
}

static void a_retry_whose_forerunner_never_came_goes_on_with_the_one_before(void)
{
    EXPECT_TEXT(cut("0-1 0 ok  2-3 0 x  4-5 2 ok"), "0 1 1");
    EXPECT_TEXT(cut("0-1 0 ok  2-3 2 ok"), "0 1");
}

static void who_leaves_in_the_middle_may_have_had_what_it_wanted(void)
{
    EXPECT_TEXT(cut("0-1 0 left  2-3 0 left  4-5 0 left"), "0? 1? 2?");
    EXPECT_TEXT(cut("0-1 0 x  2-3 1 left  4-5 0 left"), "0? 0? 2?");
    EXPECT_TEXT(cut("0-1 0 left"), "0");
    EXPECT_TEXT(cut("0-0 0 left"), "0");
    EXPECT_TEXT(cut("0-1 0 left  2-3 1 ok"), "0 0");
}

static void an_empty_chain_is_none(void)
{
    chain_cut(requests, 0);
}

static CU_TestInfo tests[] = {
    {"layers of retries are one call", layers_of_retries_are_one_call},
    {"a good answer ends a call", a_good_answer_ends_a_call},
    {"a failure asked again is doubtful where good answers are, too",
     a_failure_asked_again_is_doubtful_where_good_answers_are_too},
    {"several at once go by the SDK's count", several_at_once_go_by_the_sdks_count},
    {"several at once leave what follows a failure in doubt",
     several_at_once_leave_what_follows_a_failure_in_doubt},
    {"retries are dealt out so that they heed advice if they can",
     retries_are_dealt_out_so_that_they_heed_advice_if_they_can},
    {"nobody goes on after a final refusal where another could",
     nobody_goes_on_after_a_final_refusal_where_another_could},
    {"a retry whose forerunner never came goes on with the one before",
     a_retry_whose_forerunner_never_came_goes_on_with_the_one_before},
    {"who leaves in the middle may have had what it wanted",
     who_leaves_in_the_middle_may_have_had_what_it_wanted},
    {"an empty chain is none", an_empty_chain_is_none},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chain_suite = {"chain", NULL, NULL, NULL, NULL, tests};
