#include <CUnit/CUnit.h>

#include <stdio.h>

#include "base/rng.h"
#include "fault/capacity.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { JOBS = 16 };

static struct capacity *capacity;
static struct capacity_rules rules;

static void set_up(void)
{
    capacity = NULL;
    rules = (struct capacity_rules){
        .places = 2, .queue = 3, .slowdown = 1.0, .when_full = 529, .recovers_from = 1.0};
}

static void tear_down(void)
{
    capacity_free(capacity);
}

static void open_house(void)
{
    capacity_free(capacity);
    EXPECT_RC(capacity_new(&capacity, &rules, JOBS, memory_heap()), RC_OK);
}

static enum capacity_verdict admit(uint32_t job, nanos now)
{
    return capacity_admit(capacity, job, NANOS_S, now);
}

/* The job whose turn has come, or UINT32_MAX. */
static uint32_t next(nanos now)
{
    uint32_t job;

    return capacity_next(capacity, now, &job) ? job : UINT32_MAX;
}

/* --- places and queue ------------------------------------------------------------------------- */

static void without_limit_everything_runs(void)
{
    rules.places = 0;
    open_house();
    for (uint32_t job = 0; job < JOBS; job++)
        EXPECT_U64(admit(job, 0), CAPACITY_RUNS);
    EXPECT_U64(capacity_at_work(capacity), JOBS);
    CU_ASSERT_DOUBLE_EQUAL(capacity_slowdown(capacity, 3), 1.0, 0.0);
    capacity_shrink(capacity, 0.0, 1);
    capacity_leave(capacity, 3, true, 1);
    EXPECT_U64(capacity_at_work(capacity), JOBS - 1);
    EXPECT_U64(next(2), UINT32_MAX);
}

static void instants_may_lie_before_the_run(void)
{
    open_house();
    EXPECT_U64(admit(0, -5 * NANOS_S), CAPACITY_RUNS);
    capacity_shrink(capacity, 0.5, -4 * NANOS_S);
    EXPECT_U64(admit(1, -4 * NANOS_S), CAPACITY_WAITS);
}

static void first_places_then_the_queue_then_the_door(void)
{
    open_house();
    EXPECT_U64(admit(0, 0), CAPACITY_RUNS);
    EXPECT_U64(admit(1, 0), CAPACITY_RUNS);
    for (uint32_t job = 2; job < 5; job++)
        EXPECT_U64(admit(job, 0), CAPACITY_WAITS);
    EXPECT_U64(admit(5, 0), CAPACITY_REFUSED);
    EXPECT_U64(capacity_at_work(capacity), 2);
    EXPECT_U64(capacity_waiting(capacity), 3);
    capacity_leave(capacity, 1, false, 1);
    EXPECT_U64(next(1), 2);
    EXPECT_U64(next(1), UINT32_MAX);
    EXPECT_U64(admit(5, 1), CAPACITY_WAITS); /* a number that was refused is free */
}

static void who_has_waited_longest_is_next(void)
{
    rules.queue = 4;
    open_house();
    for (uint32_t job = 0; job < 5; job++)
        (void)admit(4 - job, job);
    capacity_leave(capacity, 4, false, 10);
    EXPECT_U64(admit(9, 10), CAPACITY_WAITS); /* though a place is free */
    EXPECT_U64(next(10), 2);
    EXPECT_U64(next(10), UINT32_MAX);
    capacity_leave(capacity, 3, false, 11);
    capacity_leave(capacity, 2, false, 11);
    EXPECT_U64(next(11), 1);
    EXPECT_U64(next(11), 0);
}

static void a_queue_of_any_length_holds_as_many_as_there_are_jobs(void)
{
    rules.queue = UINT32_MAX;
    open_house();
    for (uint32_t job = 0; job < JOBS; job++)
        CU_ASSERT(admit(job, 0) != CAPACITY_REFUSED);
    EXPECT_U64(capacity_waiting(capacity), JOBS - 2);
}

/* --- clients that leave ----------------------------------------------------------------------- */

static void work_that_stops_frees_its_place_at_once(void)
{
    open_house();
    for (uint32_t job = 0; job < 4; job++)
        (void)admit(job, 0);
    capacity_leave(capacity, 2, true, 1); /* waited */
    EXPECT_U64(capacity_waiting(capacity), 1);
    capacity_leave(capacity, 0, true, 2);
    EXPECT_U64(next(2), 3);
    EXPECT_I64(capacity_wakes_at(capacity), NANOS_NEVER);
}

static void work_that_is_finished_keeps_its_place_to_its_end(void)
{
    rules.finishes_abandoned = true;
    open_house();
    for (uint32_t job = 0; job < 3; job++)
        (void)admit(job, 0);
    capacity_leave(capacity, 0, true, 100 * NANOS_MS);
    EXPECT_U64(next(100 * NANOS_MS), UINT32_MAX);
    EXPECT_U64(capacity_at_work(capacity), 2);
    EXPECT_I64(capacity_wakes_at(capacity), NANOS_S);
    EXPECT_U64(admit(0, 200 * NANOS_MS), CAPACITY_WAITS); /* its number is free */
    EXPECT_U64(next(NANOS_S - 1), UINT32_MAX);
    EXPECT_U64(next(NANOS_S), 2);
}

static void who_waited_and_left_keeps_its_turn(void)
{
    rules.finishes_abandoned = true;
    rules.places = 1;
    open_house();
    for (uint32_t job = 0; job < 3; job++)
        (void)admit(job, 0);
    capacity_leave(capacity, 1, true, 1);
    EXPECT_U64(capacity_waiting(capacity), 2);
    capacity_leave(capacity, 0, false, 10);
    EXPECT_U64(next(10), UINT32_MAX); /* the place is taken, for nobody */
    EXPECT_U64(capacity_at_work(capacity), 1);
    EXPECT_I64(capacity_wakes_at(capacity), 10 + NANOS_S);
    EXPECT_U64(next(10 + NANOS_S), 2);
}

static void what_never_ends_is_over_when_its_client_leaves(void)
{
    rules.finishes_abandoned = true;
    rules.places = 1;
    open_house();
    EXPECT_U64(capacity_admit(capacity, 0, NANOS_NEVER, 0), CAPACITY_RUNS);
    EXPECT_U64(capacity_admit(capacity, 1, NANOS_NEVER, 0), CAPACITY_WAITS);
    capacity_leave(capacity, 1, true, 1);
    EXPECT_U64(capacity_waiting(capacity), 0);
    capacity_leave(capacity, 0, true, 1);
    EXPECT_U64(capacity_at_work(capacity), 0);
}

static void work_for_nobody_fills_the_queue_too(void)
{
    rules.finishes_abandoned = true;
    rules.places = 1;
    rules.queue = UINT32_MAX;
    open_house();
    EXPECT_U64(admit(0, 0), CAPACITY_RUNS);
    for (uint32_t i = 0; i < JOBS; i++) {
        EXPECT_U64(admit(1, i), CAPACITY_WAITS);
        capacity_leave(capacity, 1, true, i);
    }
    EXPECT_U64(admit(1, JOBS), CAPACITY_REFUSED);
    EXPECT_U64(capacity_waiting(capacity), JOBS);
}

/* --- slower under load ------------------------------------------------------------------------ */

static void more_at_work_make_each_that_starts_slower(void)
{
    rules.places = 5;
    rules.slowdown = 3.0;
    open_house();
    for (uint32_t job = 0; job < 5; job++) {
        (void)admit(job, 0);
        CU_ASSERT_DOUBLE_EQUAL(capacity_slowdown(capacity, job), 1.0 + 0.5 * job, 1e-12);
    }
}

static void slower_work_for_nobody_ends_later(void)
{
    rules.slowdown = 3.0;
    rules.finishes_abandoned = true;
    open_house();
    for (uint32_t job = 0; job < 3; job++)
        (void)admit(job, 0);
    capacity_leave(capacity, 1, true, 1);
    EXPECT_I64(capacity_wakes_at(capacity), 3 * NANOS_S);
}

/* --- faults of capacity, and recovery --------------------------------------------------------- */

static void a_shrunk_house_lets_work_under_way_finish(void)
{
    rules.places = 10;
    open_house();
    for (uint32_t job = 0; job < 10; job++)
        (void)admit(job, 0);
    capacity_shrink(capacity, 0.3, 1);
    EXPECT_U64(capacity_places(capacity), 3);
    EXPECT_U64(capacity_at_work(capacity), 10);
    EXPECT_U64(admit(10, 1), CAPACITY_WAITS);
    for (uint32_t job = 0; job < 7; job++)
        capacity_leave(capacity, job, false, 2);
    EXPECT_U64(next(2), UINT32_MAX);
    capacity_leave(capacity, 7, false, 2);
    EXPECT_U64(next(2), 10);
    capacity_shrink(capacity, 1.0, 3);
    EXPECT_U64(capacity_places(capacity), 10);
}

static void with_no_place_left_everybody_waits(void)
{
    open_house();
    capacity_shrink(capacity, 0.0, 0);
    EXPECT_U64(admit(0, 0), CAPACITY_WAITS);
    EXPECT_U64(next(0), UINT32_MAX);
    capacity_shrink(capacity, 1.0, 5);
    EXPECT_U64(next(5), 0);
}

static void an_undisturbed_house_recovers_steadily(void)
{
    rules.places = 10;
    rules.recovers_from = 0.3;
    rules.recovers_over = 70 * NANOS_S;
    open_house();
    capacity_shrink(capacity, 0.1, 0);
    EXPECT_U64(capacity_places(capacity), 1);
    capacity_shrink(capacity, 1.0, 100 * NANOS_S);
    EXPECT_U64(capacity_places(capacity), 3);
    EXPECT_U64(next(120 * NANOS_S), UINT32_MAX);
    EXPECT_U64(capacity_places(capacity), 5);
    EXPECT_U64(next(170 * NANOS_S - 1), UINT32_MAX);
    EXPECT_U64(capacity_places(capacity), 9);
    capacity_shrink(capacity, 1.0, 170 * NANOS_S - 1); /* said again: it goes on */
    EXPECT_U64(next(170 * NANOS_S), UINT32_MAX);
    EXPECT_U64(capacity_places(capacity), 10);
}

static void a_crowd_at_the_door_holds_recovery_up(void)
{
    rules.places = 10;
    rules.queue = UINT32_MAX;
    rules.recovers_from = 0.1;
    rules.recovers_over = 90 * NANOS_S;
    open_house();
    capacity_shrink(capacity, 0.1, 0);
    EXPECT_U64(admit(0, 0), CAPACITY_RUNS);
    EXPECT_U64(admit(1, 0), CAPACITY_WAITS);
    capacity_shrink(capacity, 1.0, 0);
    EXPECT_U64(next(1000 * NANOS_S), UINT32_MAX);
    EXPECT_U64(capacity_places(capacity), 1);
    capacity_leave(capacity, 1, true, 1000 * NANOS_S); /* the crowd goes home */
    EXPECT_U64(next(1010 * NANOS_S), UINT32_MAX);
    EXPECT_U64(capacity_places(capacity), 2);
    EXPECT_U64(admit(1, 1010 * NANOS_S), CAPACITY_RUNS);
}

static void a_house_that_was_closed_opens_with_one_place_at_least(void)
{
    rules.recovers_from = 0.0;
    rules.recovers_over = NANOS_S;
    open_house();
    capacity_shrink(capacity, 0.0, 0);
    EXPECT_U64(admit(0, 0), CAPACITY_WAITS);
    capacity_shrink(capacity, 1.0, 1);
    EXPECT_U64(next(1), 0);
}

/* --- against a naive model -------------------------------------------------------------------- */

/* All work there is, in the order in which it came. */
struct naive {
    struct naive_work {
        uint32_t job;
        bool is_for_nobody, runs;
        nanos ends_at;
    } works[4 * JOBS];
    uint32_t count;
};

static uint32_t running(const struct naive *n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->count; i++)
        count += n->works[i].runs;
    return count;
}

static void take_out(struct naive *n, uint32_t at)
{
    n->count--;
    for (uint32_t i = at; i < n->count; i++)
        n->works[i] = n->works[i + 1];
}

static struct naive_work *find(struct naive *n, uint32_t job)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (!n->works[i].is_for_nobody && n->works[i].job == job)
            return &n->works[i];
    return NULL;
}

static void end_orphans(struct naive *n, nanos now)
{
    for (uint32_t i = n->count; i-- > 0;)
        if (n->works[i].is_for_nobody && n->works[i].runs && n->works[i].ends_at <= now)
            take_out(n, i);
}

static void expect_turns(struct naive *n, nanos now)
{
    for (uint32_t i = 0; i < n->count && running(n) < rules.places; i++) {
        if (n->works[i].runs)
            continue;
        n->works[i].runs = true;
        n->works[i].ends_at = now + NANOS_S;
        if (!n->works[i].is_for_nobody)
            EXPECT_U64(next(now), n->works[i].job);
    }
    EXPECT_U64(next(now), UINT32_MAX);
}

static void arrive(struct naive *n, uint32_t job, nanos now)
{
    enum capacity_verdict expected = CAPACITY_REFUSED;
    uint32_t at_work = running(n);

    if (at_work < rules.places && n->count == at_work)
        expected = CAPACITY_RUNS;
    else if (n->count - at_work < rules.queue && n->count - at_work < JOBS)
        expected = CAPACITY_WAITS;
    EXPECT_U64(admit(job, now), expected);
    if (expected != CAPACITY_REFUSED)
        n->works[n->count++] = (struct naive_work){
            .job = job, .runs = expected == CAPACITY_RUNS, .ends_at = now + NANOS_S};
}

static void depart(struct naive *n, struct naive_work *work, bool is_abandoned, nanos now)
{
    capacity_leave(capacity, work->job, is_abandoned, now);
    work->is_for_nobody = true;
    if (!is_abandoned || !rules.finishes_abandoned || (work->runs && work->ends_at <= now))
        take_out(n, (uint32_t)(work - n->works));
}

static void follow_naive_model(uint64_t seed)
{
    struct naive naive = {.count = 0};
    nanos now = 0;

    rules.places = 1 + (uint32_t)(rng_draw(seed, 1, 0, 0) % 6);
    rules.queue = (uint32_t)(rng_draw(seed, 1, 0, 1) % 20);
    rules.finishes_abandoned = rng_draw(seed, 1, 0, 2) % 2;
    open_house();
    for (uint32_t i = 0; i < 400; i++) {
        uint64_t draw = rng_draw(seed, 2, 0, i);
        uint32_t job = (uint32_t)(draw % JOBS);
        struct naive_work *work;

        now += (nanos)(draw >> 16) % (300 * NANOS_MS);
        end_orphans(&naive, now);
        work = find(&naive, job);
        if (work == NULL)
            arrive(&naive, job, now);
        else
            depart(&naive, work, !work->runs || draw >> 8 & 1, now);
        expect_turns(&naive, now);
        EXPECT_U64(capacity_at_work(capacity), running(&naive));
        EXPECT_U64(capacity_waiting(capacity), naive.count - running(&naive));
        CU_ASSERT(capacity_wakes_at(capacity) > now);
    }
}

static void it_does_what_a_list_of_all_work_would(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        unsigned failures = CU_get_number_of_failures();

        follow_naive_model(seed);
        if (CU_get_number_of_failures() > failures) {
            printf("capacity: seed %llu\n", (unsigned long long)seed);
            return;
        }
    }
}

static void whatever_allocation_fails_nothing_is_left_behind(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct capacity *one = NULL;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = capacity_new(&one, &rules, JOBS, &memory);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        capacity_free(one);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo tests[] = {
    {"without limit everything runs", without_limit_everything_runs},
    {"instants may lie before the run", instants_may_lie_before_the_run},
    {"first places, then the queue, then the door", first_places_then_the_queue_then_the_door},
    {"who has waited longest is next", who_has_waited_longest_is_next},
    {"a queue of any length holds as many as there are jobs",
     a_queue_of_any_length_holds_as_many_as_there_are_jobs},
    {"work that stops frees its place at once", work_that_stops_frees_its_place_at_once},
    {"work that is finished keeps its place to its end",
     work_that_is_finished_keeps_its_place_to_its_end},
    {"who waited and left keeps its turn", who_waited_and_left_keeps_its_turn},
    {"what never ends is over when its client leaves",
     what_never_ends_is_over_when_its_client_leaves},
    {"work for nobody fills the queue too", work_for_nobody_fills_the_queue_too},
    {"more at work make each that starts slower", more_at_work_make_each_that_starts_slower},
    {"slower work for nobody ends later", slower_work_for_nobody_ends_later},
    {"a shrunk house lets work under way finish", a_shrunk_house_lets_work_under_way_finish},
    {"with no place left everybody waits", with_no_place_left_everybody_waits},
    {"an undisturbed house recovers steadily", an_undisturbed_house_recovers_steadily},
    {"a crowd at the door holds recovery up", a_crowd_at_the_door_holds_recovery_up},
    {"a house that was closed opens with one place at least",
     a_house_that_was_closed_opens_with_one_place_at_least},
    {"it does what a list of all work would", it_does_what_a_list_of_all_work_would},
    {"whatever allocation fails, nothing is left behind",
     whatever_allocation_fails_nothing_is_left_behind},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo capacity_suite = {"capacity", NULL, NULL, set_up, tear_down, tests};
