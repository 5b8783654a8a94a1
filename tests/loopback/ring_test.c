/* Records through the ring, one thread at each end. */

#include "ring.h"

#include <CUnit/CUnit.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/support/expect.h"

/* Attempts of the i-th of many records: every number of them, so that they end anywhere. */
#define ATTEMPTS(i) ((uint32_t)((i) % (RECORD_ATTEMPTS_MAX + 1)))

enum { MANY = 20 * (RING_BYTES / sizeof(struct call_record)) };

static struct ring ring;
static int wake_fd;

static void set_up(void)
{
    struct error err = {0};

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CU_ASSERT_FATAL(wake_fd >= 0);
    CU_ASSERT_FATAL(ring_open(&ring, wake_fd, memory_heap(), &err) == RC_OK);
}

static void tear_down(void)
{
    ring_deinit(&ring);
    close(wake_fd);
}

static void await_wake(int patience_ms)
{
    struct pollfd ready = {.fd = wake_fd, .events = POLLIN};
    uint64_t count;

    if (poll(&ready, 1, patience_ms) == 1)
        CU_ASSERT(read(wake_fd, &count, sizeof(count)) == (ssize_t)sizeof(count));
}

static void push(uint64_t index, uint32_t attempts)
{
    struct call_record record = {.id.index = index, .attempts_count = attempts};

    for (uint32_t i = 0; i < attempts; i++)
        record.attempts[i].ordinal = i + 1;
    ring_push(&ring, &record);
}

static void *push_many(void *context)
{
    (void)context;
    for (uint64_t i = 0; i < MANY; i++)
        push(i, ATTEMPTS(i));
    ring_close(&ring);
    return NULL;
}

static bool is_as_pushed(const struct call_record *record, uint64_t index)
{
    uint32_t count = record->attempts_count;

    return record->id.index == index && count == ATTEMPTS(index) &&
           (count == 0 || record->attempts[count - 1].ordinal == count);
}

static void every_record_arrives_once_and_in_order(void)
{
    const struct call_record *record;
    uint64_t seen = 0, wrong = 0;
    pthread_t producer;

    CU_ASSERT_FATAL(pthread_create(&producer, NULL, push_many, NULL) == 0);
    while (!ring_is_over(&ring)) {
        await_wake(20);
        while ((record = ring_peek(&ring)) != NULL) {
            wrong += !is_as_pushed(record, seen++);
            ring_drop(&ring);
        }
    }
    pthread_join(producer, NULL);
    EXPECT_U64(seen, MANY);
    EXPECT_U64(wrong, 0);
}

static void a_full_ring_holds_the_producer_up_and_counts_it(void)
{
    pthread_t producer;
    uint64_t seen = 0;

    CU_ASSERT_FATAL(pthread_create(&producer, NULL, push_many, NULL) == 0);
    while (atomic_load(&ring.waits) == 0) /* full: the producer itself says so */
        await_wake(-1);
    while (!ring_is_over(&ring)) {
        if (ring_peek(&ring) == NULL)
            continue;
        ring_drop(&ring);
        seen++;
    }
    pthread_join(producer, NULL);
    EXPECT_U64(seen, MANY);
}

static void a_closed_ring_is_over_only_when_it_is_empty(void)
{
    push(0, 1);
    ring_close(&ring);
    CU_ASSERT(!ring_is_over(&ring));
    ring_drop(&ring);
    CU_ASSERT(ring_is_over(&ring));
}

static CU_TestInfo tests[] = {
    {"every record arrives once, whole and in order", every_record_arrives_once_and_in_order},
    {"a full ring holds the producer up, and counts it",
     a_full_ring_holds_the_producer_up_and_counts_it},
    {"a closed ring is over only when it is empty", a_closed_ring_is_over_only_when_it_is_empty},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo ring_suite = {"ring", NULL, NULL, set_up, tear_down, tests};
