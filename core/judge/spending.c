#include "judge/spending.h"

#include <assert.h>
#include <string.h>

/* When an amount may have been counted. */
struct moment {
    nanos from_at, to_at;
    bool is_sure; /* that the monitor knew of it */
};

/* Windows of the whole run, and the one in which late calls end. */
static uint64_t windows_needed(const struct scenario *scenario, nanos per)
{
    nanos lasts = nanos_add(scenario->load.lasts, scenario->load.drain);
    uint64_t count = (uint64_t)(lasts / per) + 2;

    return count < SPENDING_WINDOWS_MAX ? count : SPENDING_WINDOWS_MAX;
}

enum rc spending_init(struct spending *s, const struct scenario *scenario,
                      const struct memory *memory)
{
    const struct monitor_rules *rules = &scenario->monitor;

    *s = (struct spending){.scenario = scenario, .memory = memory};
    for (uint32_t i = 0; rules->is_on && i < rules->budgets_count; i++) {
        uint64_t count = windows_needed(scenario, rules->budgets[i].per);

        s->budgets[i].windows = memory_zeroed(memory, count, sizeof(*s->budgets[i].windows));
        if (s->budgets[i].windows == NULL) {
            spending_deinit(s);
            return RC_NOMEM;
        }
        s->budgets[i].windows_count = count;
    }
    return RC_OK;
}

void spending_deinit(struct spending *s)
{
    for (uint32_t i = 0; s->memory != NULL && i < MONITOR_BUDGETS_MAX; i++)
        memory_release(s->memory, s->budgets[i].windows);
    if (s->memory != NULL)
        memory_release(s->memory, s->seconds);
    *s = (struct spending){0};
}

static uint64_t window_at(const struct spending *s, uint32_t budget, nanos at)
{
    return at > 0 ? (uint64_t)(at / s->scenario->monitor.budgets[budget].per) : 0;
}

static void add_to_budget(struct spending *s, uint32_t budget, const struct moment *moment,
                          money cost)
{
    uint64_t first = window_at(s, budget, moment->from_at - SPENDING_EDGE);
    uint64_t last = window_at(s, budget, nanos_add(moment->to_at, SPENDING_EDGE));
    struct spent *windows = s->budgets[budget].windows;

    for (uint64_t w = first; w <= last && w < s->budgets[budget].windows_count; w++)
        windows[w].most = money_add(windows[w].most, cost);
    if (moment->is_sure && first == last && last < s->budgets[budget].windows_count)
        windows[last].sure = money_add(windows[last].sure, cost);
}

static bool make_room(struct spending *s, uint64_t second)
{
    uint32_t count = s->seconds_count > 0 ? s->seconds_count : 64;
    money *seconds;

    if (second < s->seconds_count)
        return true;
    if (second >= SPENDING_SECONDS_MAX)
        return false;
    while (count <= second)
        count *= 2;
    seconds = s->memory->resize(s->memory->context, s->seconds, count * sizeof(*seconds));
    if (seconds == NULL)
        return false;
    memset(seconds + s->seconds_count, 0, (count - s->seconds_count) * sizeof(*seconds));
    s->seconds = seconds;
    s->seconds_count = count;
    return true;
}

static void add_to_second(struct spending *s, nanos at, money cost)
{
    uint64_t second = at > 0 ? (uint64_t)(at / NANOS_S) : 0;

    if (make_room(s, second))
        s->seconds[second] = money_add(s->seconds[second], cost);
    else
        s->has_lost_seconds = true;
}

static void add(struct spending *s, const struct moment *moment, money cost)
{
    if (moment->is_sure && cost > 0)
        add_to_second(s, moment->to_at, cost);
    for (uint32_t i = 0; cost > 0 && i < s->scenario->monitor.budgets_count; i++)
        add_to_budget(s, i, moment, cost);
}

/* From the end of the exchange to that of the call. An unfinished call is never counted by the
 * monitor, but its money is spent. */
static struct moment moment_of(const struct step *step, const struct call_record *call)
{
    nanos closed_at = step->seen->closed_at != NANOS_NEVER ? step->seen->closed_at : call->due_at;
    bool has_ended = call->ended_at != NANOS_NEVER;
    bool is_told =
        step->seen->usage_told.is_known && step->felt != NULL && attempt_is_answered(step->felt);

    return (struct moment){
        .from_at = has_ended ? nanos_min(closed_at, call->ended_at) : closed_at,
        .to_at = has_ended ? nanos_max(closed_at, call->ended_at) : NANOS_NEVER,
        .is_sure = has_ended && is_told,
    };
}

void spending_call(struct spending *s, const struct call_case *c)
{
    if (s->scenario->monitor.budgets_count == 0 || !s->scenario->monitor.is_on)
        return;
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct step *step = &c->steps[i];
        struct moment moment;

        if (step->seen == NULL || !step->seen->has_cost)
            continue;
        moment = moment_of(step, c->call);
        add(s, &moment, step->seen->cost);
    }
}

void spending_stranger(struct spending *s, const struct journal_record *record)
{
    const struct moment moment = {.from_at = record->head_in_at, .to_at = record->closed_at};

    if (s->scenario->monitor.is_on && record->has_cost)
        add(s, &moment, record->cost);
}

bool spending_is_kept(const struct spending *s, uint32_t budget, uint64_t window)
{
    assert(budget < s->scenario->monitor.budgets_count);
    return window < s->budgets[budget].windows_count;
}

struct spent spending_in(const struct spending *s, uint32_t budget, uint64_t window)
{
    if (!spending_is_kept(s, budget, window))
        return (struct spent){0};
    return s->budgets[budget].windows[window];
}

/* What was spent within EDGE of the window's edges may belong to a neighbour. */
nanos spending_breached_at(const struct spending *s, uint32_t budget, uint64_t window)
{
    const struct budget_rules *rules = &s->scenario->monitor.budgets[budget];
    nanos from_at = (nanos)window * rules->per + (window > 0 ? SPENDING_EDGE : 0);
    nanos to_at = nanos_add((nanos)window * rules->per, rules->per) - SPENDING_EDGE;
    uint64_t second = (uint64_t)((from_at + NANOS_S - 1) / NANOS_S);
    money spent = 0;

    for (; second < s->seconds_count && (nanos)second * NANOS_S < to_at; second++) {
        spent = money_add(spent, s->seconds[second]);
        if (spent > rules->limit)
            return (nanos)(second + 1) * NANOS_S;
    }
    return NANOS_NEVER;
}
