#include "engine/link.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static const struct link_rules rules = {
    .latency = 5 * NANOS_MS, .connect = 20 * NANOS_MS, .idle_close = NANOS_S};

static struct link link;

static void set_up(void)
{
    CU_ASSERT_EQUAL_FATAL(link_init(&link, &rules, memory_heap()), RC_OK);
}

static void tear_down(void)
{
    link_deinit(&link);
}

static void post(enum link_lane lane, nanos now, uint32_t slot, const char *text)
{
    struct link_message message = {.slot = slot, .first = slice_of(text), .second = SLICE("!")};

    EXPECT_RC(link_post(&link, lane, now, &message), RC_OK);
}

static void delivers_after_the_lanes_own_delay(void)
{
    struct link_message message;

    post(LINK_NEW, 0, 1, "connecting");
    EXPECT_I64(link_first_at(&link), 20 * NANOS_MS);
    post(LINK_POOLED, 0, 2, "request");
    EXPECT_I64(link_first_at(&link), 5 * NANOS_MS);
    CU_ASSERT(!link_take(&link, 5 * NANOS_MS - 1, &message));
    CU_ASSERT(link_take(&link, 5 * NANOS_MS, &message));
    EXPECT_U64(message.slot, 2);
    EXPECT_TEXT(message.first, "request");
    EXPECT_TEXT(message.second, "!");
}

static void hands_answers_out_first_among_equals(void)
{
    struct link_message message;

    post(LINK_POOLED, 0, 1, "request");
    post(LINK_ANSWER, 0, 2, "answer");
    CU_ASSERT(link_take(&link, NANOS_S, &message));
    EXPECT_U64(message.slot, 2);
}

/* More than the first ring and the first bytes hold, taken while more is posted. */
static void keeps_every_byte_in_order_while_it_grows(void)
{
    char text[400];
    uint32_t posted = 0, taken = 0;
    bool is_same = true;

    while (taken < 2000) {
        struct link_message message;

        for (int burst = 0; burst < 3 && posted < 2000; burst++, posted++) {
            memset(text, 'a' + (int)(posted % 26), sizeof(text));
            text[posted % 399 + 1] = '\0';
            post(LINK_ANSWER, (nanos)posted, posted, text);
        }
        CU_ASSERT_FATAL(link_take(&link, NANOS_S, &message));
        is_same = is_same && message.slot == taken && message.first.size == taken % 399 + 1 &&
                  message.first.data[0] == (char)('a' + taken % 26) &&
                  message.first.data[message.first.size - 1] == message.first.data[0];
        taken++;
    }
    CU_ASSERT(is_same);
    EXPECT_I64(link_first_at(&link), NANOS_NEVER);
}

static void refuses_a_message_that_memory_cannot_hold(void)
{
    struct flaky flaky = {.allow = 1}; /* the queues themselves, and no entry */
    struct memory memory = flaky_memory(&flaky);
    struct link poor;
    struct link_message message = {.first = SLICE("x")};

    CU_ASSERT_EQUAL_FATAL(link_init(&poor, &rules, &memory), RC_OK);
    EXPECT_RC(link_post(&poor, LINK_ANSWER, 0, &message), RC_NOMEM);
    EXPECT_I64(link_first_at(&poor), NANOS_NEVER);
    link_deinit(&poor);
    EXPECT_U64(flaky.live, 0);
}

static CU_TestInfo tests[] = {
    {"delivers after the lane's own delay", delivers_after_the_lanes_own_delay},
    {"hands answers out first among equals", hands_answers_out_first_among_equals},
    {"keeps every byte in order while it grows", keeps_every_byte_in_order_while_it_grows},
    {"refuses a message that memory cannot hold", refuses_a_message_that_memory_cannot_hold},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo link_suite = {"link", NULL, NULL, set_up, tear_down, tests};
