#include <CUnit/CUnit.h>

#include "policy/cause.h"
#include "tests/support/expect.h"

static struct cause_set set;

static void set_up(void)
{
    set = (struct cause_set){0};
}

static void a_zeroed_set_has_no_cause(void)
{
    CU_ASSERT(cause_set_is_empty(&set));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_OVERLOADED, 529));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_RESET_BEFORE, 0));
}

static void a_number_matches_that_status_only(void)
{
    CU_ASSERT(cause_set_add(&set, SLICE("529")));
    CU_ASSERT(!cause_set_is_empty(&set));
    CU_ASSERT(cause_set_has(&set, OUTCOME_OVERLOADED, 529));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_OVERLOADED, 503));
}

static void a_word_matches_that_outcome_whatever_the_status(void)
{
    CU_ASSERT(cause_set_add(&set, SLICE("rate_limited")));
    CU_ASSERT(cause_set_has(&set, OUTCOME_RATE_LIMITED, 429));
    CU_ASSERT(cause_set_has(&set, OUTCOME_RATE_LIMITED, 0));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_QUOTA, 429));
}

static void five_x_x_begins_at_500(void)
{
    CU_ASSERT(cause_set_add(&set, SLICE("5xx")));
    CU_ASSERT(cause_set_has(&set, OUTCOME_SERVER_ERROR, 500));
    CU_ASSERT(cause_set_has(&set, OUTCOME_OVERLOADED, 529));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_INVALID_REQUEST, 499));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_RESET_BEFORE, 0));
}

static void timeout_is_every_timeout_and_nothing_else(void)
{
    CU_ASSERT(cause_set_add(&set, SLICE("timeout")));
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct slice word = slice_of(outcome_word((enum outcome)i));

        EXPECT_U64(cause_set_has(&set, (enum outcome)i, 0),
                   slice_starts_with(word, SLICE("timeout_")));
    }
}

static void network_is_every_failure_of_the_connection(void)
{
    CU_ASSERT(cause_set_add(&set, SLICE("network")));
    CU_ASSERT(cause_set_has(&set, OUTCOME_DNS, 0));
    CU_ASSERT(cause_set_has(&set, OUTCOME_CONNECT, 0));
    CU_ASSERT(cause_set_has(&set, OUTCOME_TLS, 0));
    CU_ASSERT(cause_set_has(&set, OUTCOME_RESET_BEFORE, 0));
    CU_ASSERT(cause_set_has(&set, OUTCOME_RESET_AFTER, 200));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_TRUNCATED, 200));
    CU_ASSERT(!cause_set_has(&set, OUTCOME_TIMEOUT_CONNECT, 0));
}

static void success_is_never_a_cause(void)
{
    set.outcomes = ~(outcome_set)0;
    CU_ASSERT(!cause_set_has(&set, OUTCOME_OK, 200));
}

static void refuses_what_no_attempt_can_fail_by(void)
{
    static const char *const words[] = {
        "ok",  "useless", "cancelled", "client_crash", "shed", "unfinished", "200", "299",
        "600", "99999",   "",          "timeouts",     "529 ", "-1",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        CU_ASSERT(!cause_set_add(&set, slice_of(words[i])));
    CU_ASSERT(cause_set_is_empty(&set));
}

static void is_full_after_sixteen_statuses_and_then_takes_known_ones_only(void)
{
    char status[] = "400";

    for (int i = 0; i < CAUSE_STATUSES_MAX; i++) {
        status[1] = (char)('0' + i / 10);
        status[2] = (char)('0' + i % 10);
        CU_ASSERT(cause_set_add(&set, slice_of(status)));
    }
    CU_ASSERT(!cause_set_add(&set, SLICE("529")));
    CU_ASSERT(cause_set_add(&set, SLICE("415")));
    CU_ASSERT(cause_set_add(&set, SLICE("overloaded")));
    EXPECT_U64(set.statuses_count, CAUSE_STATUSES_MAX);
}

static CU_TestInfo tests[] = {
    {"a zeroed set has no cause", a_zeroed_set_has_no_cause},
    {"a number matches that status only", a_number_matches_that_status_only},
    {"a word matches that outcome, whatever the status",
     a_word_matches_that_outcome_whatever_the_status},
    {"5xx begins at 500", five_x_x_begins_at_500},
    {"timeout is every timeout and nothing else", timeout_is_every_timeout_and_nothing_else},
    {"network is every failure of the connection", network_is_every_failure_of_the_connection},
    {"success is never a cause", success_is_never_a_cause},
    {"refuses what no attempt can fail by", refuses_what_no_attempt_can_fail_by},
    {"is full after sixteen statuses, and then takes known ones only",
     is_full_after_sixteen_statuses_and_then_takes_known_ones_only},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo cause_suite = {"cause", NULL, NULL, set_up, NULL, tests};
