#include "judge/chain.h"

/* --- one call --------------------------------------------------------------------------------- */

static void begin_call(struct chain_request *requests, uint32_t at)
{
    requests[at].first = at;
    requests[at].is_last = true;
}

static void go_on(struct chain_request *requests, uint32_t last, uint32_t at)
{
    requests[last].is_last = false;
    requests[at].first = requests[last].first;
    requests[at].is_last = true;
}

static void join_all(struct chain_request *requests, uint32_t count)
{
    begin_call(requests, 0);
    for (uint32_t i = 1; i < count; i++)
        go_on(requests, i - 1, i);
}

/* --- rounds of the SDK's count ---------------------------------------------------------------- */

static bool may_go_on(const struct chain_request *before, const struct chain_request *request)
{
    return before->is_last && !before->is_good && before->has_retry_count &&
           before->retry_count < request->retry_count && before->over_at <= request->begun_at;
}

static nanos welcome_at(const struct chain_request *request)
{
    return request->is_final ? NANOS_NEVER : request->welcome_at;
}

/* The next number before all; then whoever may come again first. So retries that came too early
 * for one of several calls are blamed only where every way to deal them out has one. */
static bool is_likelier(const struct chain_request *a, const struct chain_request *b)
{
    if (a->retry_count != b->retry_count)
        return a->retry_count > b->retry_count;
    return welcome_at(a) <= welcome_at(b);
}

static bool find_before(const struct chain_request *requests, uint32_t from, uint32_t at,
                        uint32_t *found)
{
    uint32_t least = at - from > CHAIN_WALK_MAX ? at - CHAIN_WALK_MAX : from;
    bool was_found = false;

    if (!requests[at].has_retry_count || requests[at].retry_count == 0)
        return false;
    for (uint32_t i = at; i-- > least;) {
        if (!may_go_on(&requests[i], &requests[at]))
            continue;
        if (!was_found || is_likelier(&requests[i], &requests[*found]))
            *found = i;
        was_found = true;
    }
    return was_found;
}

/* --- doubt ------------------------------------------------------------------------------------ */

/* A round that ended badly, and another that begins afterwards: they may be one call, or two. */
static void doubt(struct chain_request *requests, uint32_t from, uint32_t to)
{
    nanos failed_at = NANOS_NEVER, begun_last_at = requests[from].begun_at;

    for (uint32_t i = from; i < to; i++) {
        requests[i].is_doubtful = false;
        if (requests[i].is_last && !requests[i].is_good)
            failed_at = nanos_min(failed_at, requests[i].over_at);
        if (requests[i].first == i)
            begun_last_at = nanos_max(begun_last_at, requests[i].begun_at);
    }
    for (uint32_t i = from; i < to; i++) {
        struct chain_request *first = &requests[requests[i].first];

        if (failed_at <= first->begun_at && requests[from].begun_at < first->begun_at)
            first->is_doubtful = true;
        if (requests[i].is_last && !requests[i].is_good && requests[i].begun_at < begun_last_at &&
            requests[i].over_at <= begun_last_at)
            first->is_doubtful = true;
    }
    for (uint32_t i = from; i < to; i++)
        requests[i].is_doubtful = requests[requests[i].first].is_doubtful;
}

static void cut_rounds(struct chain_request *requests, uint32_t from, uint32_t to)
{
    uint32_t before = 0;

    for (uint32_t i = from; i < to; i++) {
        if (find_before(requests, from, i, &before))
            go_on(requests, before, i);
        else
            begin_call(requests, i);
    }
    doubt(requests, from, to);
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool is_crowded(const struct chain_request *requests, uint32_t count)
{
    nanos busy_until = requests[0].over_at;

    for (uint32_t i = 1; i < count; i++) {
        if (requests[i].begun_at < busy_until)
            return true;
        busy_until = nanos_max(busy_until, requests[i].over_at);
    }
    return false;
}

static bool was_left(const struct chain_request *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (requests[i].is_left)
            return true;
    return false;
}

/* Behind the first good answer, or `count`. */
static uint32_t end_of_stretch(const struct chain_request *requests, uint32_t from, uint32_t count)
{
    while (from < count && !requests[from].is_good)
        from++;
    return from < count ? from + 1 : count;
}

void chain_cut(struct chain_request *requests, uint32_t count)
{
    if (count == 0)
        return;
    if (is_crowded(requests, count) || was_left(requests, count)) {
        cut_rounds(requests, 0, count);
        return;
    }
    if (end_of_stretch(requests, 0, count) == count) {
        join_all(requests, count);
        return;
    }
    for (uint32_t from = 0, to; from < count; from = to) {
        to = end_of_stretch(requests, from, count);
        cut_rounds(requests, from, to);
    }
}
