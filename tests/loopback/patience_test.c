/* Who has been waited for longest, without a clock. */

#include <CUnit/CUnit.h>
#include <stddef.h>

#include "mockserver/patience.h"
#include "tests/support/expect.h"

static struct patience queue;
static struct patience_link links[3];

static void set_up(void)
{
    queue = (struct patience){.lasts = 10};
    for (size_t i = 0; i < 3; i++)
        links[i] = (struct patience_link){0};
}

static void nobody_is_overdue_in_an_empty_queue(void)
{
    CU_ASSERT_PTR_NULL(patience_overdue(&queue, NANOS_S));
}

static void overdue_is_who_has_waited_longer_than_the_span(void)
{
    patience_await(&queue, &links[0], 5);
    CU_ASSERT_PTR_NULL(patience_overdue(&queue, 15));
    CU_ASSERT_PTR_EQUAL(patience_overdue(&queue, 16), &links[0]);
}

static void the_longest_wait_comes_first(void)
{
    for (size_t i = 0; i < 3; i++)
        patience_await(&queue, &links[i], (nanos)i);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_PTR_EQUAL(patience_overdue(&queue, NANOS_S), &links[i]);
        patience_forget(&links[i]);
    }
    CU_ASSERT_PTR_NULL(patience_overdue(&queue, NANOS_S));
}

static void waiting_anew_goes_to_the_end(void)
{
    patience_await(&queue, &links[0], 0);
    patience_await(&queue, &links[1], 1);
    patience_await(&queue, &links[0], 8);
    CU_ASSERT_PTR_EQUAL(patience_overdue(&queue, 12), &links[1]);
    patience_forget(&links[1]);
    CU_ASSERT_PTR_NULL(patience_overdue(&queue, 18));
    CU_ASSERT_PTR_EQUAL(patience_overdue(&queue, 19), &links[0]);
}

static void one_in_the_middle_may_leave(void)
{
    for (size_t i = 0; i < 3; i++)
        patience_await(&queue, &links[i], 0);
    patience_forget(&links[1]);
    patience_forget(&links[1]); /* it is in none: fine */
    patience_forget(&links[0]);
    CU_ASSERT_PTR_EQUAL(patience_overdue(&queue, 11), &links[2]);
}

static void a_link_is_in_one_queue_at_a_time(void)
{
    struct patience other = {.lasts = 1};

    patience_await(&queue, &links[0], 0);
    patience_await(&other, &links[0], 1);
    CU_ASSERT_PTR_NULL(patience_overdue(&queue, NANOS_S));
    CU_ASSERT_PTR_EQUAL(patience_overdue(&other, NANOS_S), &links[0]);
}

static void an_instant_read_a_moment_before_does_not_disturb_the_order(void)
{
    patience_await(&queue, &links[0], 7);
    patience_await(&queue, &links[1], 5);
    EXPECT_I64(links[1].since, 7);
}

static CU_TestInfo tests[] = {
    {"nobody is overdue in an empty queue", nobody_is_overdue_in_an_empty_queue},
    {"overdue is who has waited longer than the span",
     overdue_is_who_has_waited_longer_than_the_span},
    {"the longest wait comes first", the_longest_wait_comes_first},
    {"waiting anew goes to the end", waiting_anew_goes_to_the_end},
    {"one in the middle may leave", one_in_the_middle_may_leave},
    {"a link is in one queue at a time", a_link_is_in_one_queue_at_a_time},
    {"an instant read a moment before does not disturb the order",
     an_instant_read_a_moment_before_does_not_disturb_the_order},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo patience_suite = {"patience", NULL, NULL, set_up, NULL, tests};
