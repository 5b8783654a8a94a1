#include "fault/capacity.h"

#include <assert.h>

#include "base/timers.h"

enum { NONE = -1 };

enum work_state { WORK_OVER, WORK_WAITS, WORK_RUNS };

/* One piece of work. It outlives its job's client when it is finished for nobody. */
struct work {
    enum work_state state;
    bool is_for_nobody;
    uint32_t job; /* unless for nobody */
    nanos lasts;
    nanos ends_at; /* running */
    double slowdown;
    int32_t earlier, later; /* waiting: neighbours in the queue; free: `later` is the next free */
};

struct capacity {
    const struct memory *memory;
    struct capacity_rules rules;
    uint32_t jobs_max;

    struct work *works;    /* twice jobs_max: each job may have left one behind */
    int32_t *work_of_job;  /* NONE: not in use */
    int32_t first_free;    /* list of works that are over */
    struct timers orphans; /* ends of running work for nobody, by work */
    int32_t first, last;   /* of the queue */
    uint32_t waiting;
    uint32_t at_work;

    uint32_t places; /* that work now */
    bool is_recovering;
    uint32_t recovers_from; /* places */
    nanos recovered;        /* time with an empty queue since */
    nanos latest_at;        /* newest `now` seen */
};

static uint32_t share_of(uint32_t places, double share)
{
    return (uint32_t)((double)places * share + 0.5);
}

/* --- birth ------------------------------------------------------------------------------------ */

static void put_free(struct capacity *c, int32_t index)
{
    c->works[index] = (struct work){.later = c->first_free};
    c->first_free = index;
}

static enum rc take_space(struct capacity *c)
{
    c->works = memory_zeroed(c->memory, 2 * (size_t)c->jobs_max, sizeof(*c->works));
    c->work_of_job = memory_zeroed(c->memory, c->jobs_max, sizeof(*c->work_of_job));
    if (c->works == NULL || c->work_of_job == NULL)
        return RC_NOMEM;
    TRY(timers_init(&c->orphans, c->memory, 2 * c->jobs_max));
    for (int32_t i = (int32_t)(2 * c->jobs_max) - 1; i >= 0; i--)
        put_free(c, i);
    for (uint32_t job = 0; job < c->jobs_max; job++)
        c->work_of_job[job] = NONE;
    return RC_OK;
}

enum rc capacity_new(struct capacity **capacity, const struct capacity_rules *rules,
                     uint32_t jobs_max, const struct memory *memory)
{
    struct capacity *c = memory_zeroed(memory, 1, sizeof(*c));
    enum rc rc = RC_OK;

    assert(jobs_max >= 1);
    assert(jobs_max <= INT32_MAX / 2);
    assert(rules->places == 0 || rules->slowdown >= 1.0);
    if (c == NULL)
        return RC_NOMEM;
    c->memory = memory;
    c->rules = *rules;
    c->jobs_max = jobs_max;
    c->places = rules->places;
    c->latest_at = INT64_MIN;
    c->first = c->last = c->first_free = NONE;
    if (rules->places > 0)
        rc = take_space(c);
    if (rc != RC_OK) {
        capacity_free(c);
        return rc;
    }
    *capacity = c;
    return RC_OK;
}

void capacity_free(struct capacity *c)
{
    if (c == NULL)
        return;
    timers_deinit(&c->orphans);
    memory_release(c->memory, c->work_of_job);
    memory_release(c->memory, c->works);
    memory_release(c->memory, c);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void enqueue(struct capacity *c, int32_t index)
{
    struct work *work = &c->works[index];

    work->state = WORK_WAITS;
    work->earlier = c->last;
    work->later = NONE;
    if (c->last == NONE)
        c->first = index;
    else
        c->works[c->last].later = index;
    c->last = index;
    c->waiting++;
}

static void dequeue(struct capacity *c, int32_t index)
{
    const struct work *work = &c->works[index];

    assert(work->state == WORK_WAITS);
    if (work->earlier == NONE)
        c->first = work->later;
    else
        c->works[work->earlier].later = work->later;
    if (work->later == NONE)
        c->last = work->earlier;
    else
        c->works[work->later].earlier = work->earlier;
    c->waiting--;
}

/* --- places ----------------------------------------------------------------------------------- */

/* Others at work, of those that there is room for beside this one. */
static double slowdown_now(const struct capacity *c)
{
    double others = c->at_work, most = (double)c->places - 1;

    if (most < 1 || others >= most)
        return others > 0 ? c->rules.slowdown : 1.0;
    return 1.0 + (c->rules.slowdown - 1.0) * others / most;
}

static nanos stretched(nanos lasts, double slowdown)
{
    double value = (double)lasts * slowdown;

    if (lasts == NANOS_NEVER || value >= 0x1p62)
        return NANOS_NEVER;
    return (nanos)(value + 0.5);
}

static void start(struct capacity *c, int32_t index, nanos now)
{
    struct work *work = &c->works[index];

    work->state = WORK_RUNS;
    work->slowdown = slowdown_now(c);
    work->ends_at = nanos_add(now, stretched(work->lasts, work->slowdown));
    if (work->is_for_nobody)
        timers_set(&c->orphans, (uint32_t)index, work->ends_at);
    c->at_work++;
}

static void end(struct capacity *c, int32_t index)
{
    assert(c->works[index].state == WORK_RUNS);
    assert(c->at_work > 0);
    c->at_work--;
    put_free(c, index);
}

/* Places come back only while nobody waits. */
static void recover(struct capacity *c, nanos now)
{
    double rest = (double)(c->rules.places - c->recovers_from);

    if (c->is_recovering && c->waiting == 0)
        c->recovered = nanos_add(c->recovered, now - c->latest_at);
    if (!c->is_recovering)
        return;
    c->is_recovering = c->recovered < c->rules.recovers_over;
    c->places = c->rules.places;
    if (c->is_recovering)
        c->places = c->recovers_from +
                    (uint32_t)(rest * (double)c->recovered / (double)c->rules.recovers_over);
}

/* What has happened by itself until now: work for nobody has ended, places have come back. */
static void catch_up(struct capacity *c, nanos now)
{
    uint32_t index;

    assert(now >= c->latest_at);
    recover(c, now);
    c->latest_at = now;
    while (timers_take(&c->orphans, now, &index))
        end(c, (int32_t)index);
}

/* --- what happens ----------------------------------------------------------------------------- */

void capacity_shrink(struct capacity *c, double share, nanos now)
{
    uint32_t least;

    assert(share >= 0.0);
    assert(share <= 1.0);
    if (c->rules.places == 0)
        return;
    catch_up(c, now);
    if (share < 1.0) {
        c->is_recovering = false;
        c->places = share_of(c->rules.places, share);
        return;
    }
    if (c->is_recovering || c->places == c->rules.places)
        return;
    least = share_of(c->rules.places, c->rules.recovers_from);
    if (c->places < least)
        c->places = least;
    if (c->places == 0)
        c->places = 1;
    c->recovers_from = c->places;
    c->recovered = 0;
    c->is_recovering = true;
    recover(c, now);
}

/* Bounded by its jobs, so that work for nobody finds room too. */
static bool has_room_to_wait(const struct capacity *c)
{
    return c->waiting < c->rules.queue && c->waiting < c->jobs_max;
}

enum capacity_verdict capacity_admit(struct capacity *c, uint32_t job, nanos lasts, nanos now)
{
    bool is_free;
    int32_t index;

    assert(job < c->jobs_max);
    assert(lasts >= 0);
    if (c->rules.places == 0) {
        c->at_work++;
        return CAPACITY_RUNS;
    }
    assert(c->work_of_job[job] == NONE);
    catch_up(c, now);
    index = c->first_free;
    is_free = c->at_work < c->places && c->waiting == 0;
    if (index == NONE || (!is_free && !has_room_to_wait(c)))
        return CAPACITY_REFUSED;
    c->first_free = c->works[index].later;
    c->works[index] = (struct work){.job = job, .lasts = lasts};
    c->work_of_job[job] = index;
    if (!is_free) {
        enqueue(c, index);
        return CAPACITY_WAITS;
    }
    start(c, index, now);
    return CAPACITY_RUNS;
}

double capacity_slowdown(const struct capacity *c, uint32_t job)
{
    assert(job < c->jobs_max);
    if (c->rules.places == 0)
        return 1.0;
    assert(c->work_of_job[job] != NONE);
    assert(c->works[c->work_of_job[job]].state == WORK_RUNS);
    return c->works[c->work_of_job[job]].slowdown;
}

/* Its client has left. True when the work goes on, for nobody: what never ends by itself does not.
 */
static bool goes_on(struct capacity *c, int32_t index, nanos now)
{
    struct work *work = &c->works[index];

    if (!c->rules.finishes_abandoned || work->lasts == NANOS_NEVER)
        return false;
    if (work->state == WORK_RUNS && work->ends_at <= now)
        return false;
    work->is_for_nobody = true;
    if (work->state == WORK_RUNS)
        timers_set(&c->orphans, (uint32_t)index, work->ends_at);
    return true;
}

void capacity_leave(struct capacity *c, uint32_t job, bool is_abandoned, nanos now)
{
    int32_t index;

    assert(job < c->jobs_max);
    if (c->rules.places == 0) {
        assert(c->at_work > 0);
        c->at_work--;
        return;
    }
    catch_up(c, now);
    index = c->work_of_job[job];
    assert(index != NONE);
    c->work_of_job[job] = NONE;
    if (is_abandoned && goes_on(c, index, now))
        return;
    if (c->works[index].state == WORK_RUNS) {
        end(c, index);
        return;
    }
    assert(is_abandoned);
    dequeue(c, index);
    put_free(c, index);
}

bool capacity_next(struct capacity *c, nanos now, uint32_t *job)
{
    if (c->rules.places == 0)
        return false;
    catch_up(c, now);
    while (c->first != NONE && c->at_work < c->places) {
        int32_t index = c->first;

        dequeue(c, index);
        start(c, index, now);
        if (c->works[index].is_for_nobody)
            continue;
        *job = c->works[index].job;
        return true;
    }
    return false;
}

nanos capacity_wakes_at(const struct capacity *c)
{
    return c->waiting > 0 ? timers_first_at(&c->orphans) : NANOS_NEVER;
}

uint32_t capacity_at_work(const struct capacity *c)
{
    return c->at_work;
}

uint32_t capacity_waiting(const struct capacity *c)
{
    return c->waiting;
}

uint32_t capacity_places(const struct capacity *c)
{
    return c->places;
}
