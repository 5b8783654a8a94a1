#include "judge/rounds.h"

#include <stdio.h>
#include <string.h>

/* Beyond that many attempts nobody asks for their pattern any more. */
enum { REQUESTS_MAX = 128 };

/* Where round after round begins: by the index of its first request. */
struct cuts {
    bool begins[REQUESTS_MAX];
};

/* --- by the SDK's count ----------------------------------------------------------------------- */

static bool has_counts(const struct request_seen *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!requests[i].has_retry_count)
            return false;
    return count > 0;
}

static bool begins_by_count(const struct request_seen *requests, uint32_t at)
{
    return at == 0 || requests[at].retry_count <= requests[at - 1].retry_count;
}

/* --- by the gaps ------------------------------------------------------------------------------ *
 *
 * With rounds of p attempts the waits are
 *
 *     g1 g2 .. gp-1  OUTER  g1 g2 .. gp-1  OUTER  g1 ..
 *
 * Chance makes such patterns too, where waits are drawn. So either the inner waits grow and begin
 * anew, alike in every round (very much so where there are only two), or they are equal, and the
 * outer ones plainly others. By these limits uniform waits of one layer look like two less than
 * once in a thousand times. */

struct gaps {
    double length[REQUESTS_MAX]; /* before request i, in seconds; of the first: none */
    uint32_t count;              /* of requests */
};

/* Clocks and schedulers: shorter waits than this are none, and waits that differ less are equal. */
static const double SLACK = 0.02;

static bool is_told_when(const struct request_seen *before)
{
    return before->advice_wait > 0;
}

static nanos ended_at(const struct request_seen *request)
{
    return request->closed_at != NANOS_NEVER ? request->closed_at : request->last_out_at;
}

/* False: what was waited for says nothing about layers. Waits that the server advised and
 * fallbacks to another model make patterns of their own. */
static bool measure(const struct request_seen *requests, uint32_t count, struct gaps *gaps)
{
    gaps->count = count;
    for (uint32_t i = 1; i < count; i++) {
        nanos over_at = ended_at(&requests[i - 1]);

        if (requests[i].model != requests[0].model || is_told_when(&requests[i - 1]) ||
            over_at == NANOS_NEVER)
            return false;
        gaps->length[i] = (double)nanos_max(0, requests[i].head_in_at - over_at) / (double)NANOS_S;
    }
    return true;
}

static bool is_outer(uint32_t at, uint32_t period)
{
    return at % period == 0;
}

/* As long as each other, but for that factor. */
static bool is_alike(double a, double b, double factor)
{
    double least = a < b ? a : b, most = a < b ? b : a;

    return most <= least * factor || most - least <= SLACK;
}

/* Every inner wait as long as that in the same place of the first round. */
static bool repeats(const struct gaps *gaps, uint32_t period, double factor)
{
    for (uint32_t i = period + 1; i < gaps->count; i++)
        if (!is_outer(i, period) && !is_alike(gaps->length[i], gaps->length[i % period], factor))
            return false;
    return true;
}

/* 1, 2, 4, and 1, 2, 4 again. */
static bool grows_anew(const struct gaps *gaps, uint32_t period)
{
    uint32_t rounds = gaps->count / period;
    double first = gaps->length[1], last = gaps->length[period - 1];

    if (period < 4 || rounds < 2 || last < 3 * first || last < 5 * SLACK)
        return false;
    for (uint32_t i = 2; i < gaps->count; i++)
        if (!is_outer(i, period) && !is_outer(i - 1, period) &&
            gaps->length[i] <= gaps->length[i - 1])
            return false;
    return repeats(gaps, period, rounds >= 3 ? 2.1 : 1.25);
}

/* 1, 1, 10, 1, 1, 10, 1, 1. */
static bool is_interrupted(const struct gaps *gaps, uint32_t period)
{
    uint32_t rounds = gaps->count / period;
    double inner = gaps->length[1];

    if (rounds < (period == 2 ? 4 : 3))
        return false;
    for (uint32_t i = 2; i < gaps->count; i++) {
        double gap = gaps->length[i];
        bool is_other = gap >= 2 * inner + 2 * SLACK || inner >= 2 * gap + 2 * SLACK;

        if (is_outer(i, period) ? !is_other : !is_alike(gap, inner, 1.1))
            return false;
    }
    return true;
}

/* 0: there is none. */
static uint32_t find_period(const struct gaps *gaps)
{
    for (uint32_t period = 2; 2 * period <= gaps->count; period++)
        if (grows_anew(gaps, period) || is_interrupted(gaps, period))
            return period;
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum rounds_by cut(const struct request_seen *requests, uint32_t count, struct cuts *cuts)
{
    struct gaps gaps;
    uint32_t period;

    if (has_counts(requests, count)) {
        for (uint32_t i = 0; i < count; i++)
            cuts->begins[i] = begins_by_count(requests, i);
        return ROUNDS_BY_COUNT;
    }
    for (uint32_t i = 0; i < count; i++)
        if (requests[i].has_retry_count)
            return ROUNDS_NONE;
    if (!measure(requests, count, &gaps))
        return ROUNDS_NONE;
    period = find_period(&gaps);
    if (period == 0)
        return ROUNDS_NONE;
    for (uint32_t i = 0; i < count; i++)
        cuts->begins[i] = i % period == 0;
    return ROUNDS_BY_GAPS;
}

static uint32_t size_of_round(const struct cuts *cuts, uint32_t from, uint32_t count)
{
    uint32_t end = from + 1;

    while (end < count && !cuts->begins[end])
        end++;
    return end - from;
}

static struct rounds sum_up(enum rounds_by by, const struct cuts *cuts, uint32_t count)
{
    struct rounds rounds = {.by = by, .is_even = true};
    uint32_t size;

    for (uint32_t i = 0; i < count; i += size) {
        size = size_of_round(cuts, i, count);
        if (rounds.count > 0 &&
            (size > rounds.attempts_max || (size < rounds.attempts_max && i + size < count)))
            rounds.is_even = false;
        if (size > rounds.attempts_max)
            rounds.attempts_max = size;
        rounds.count++;
    }
    return rounds;
}

static struct rounds one_layer(uint32_t count)
{
    return (struct rounds){.count = count > 0, .attempts_max = count, .is_even = true};
}

/* An SDK that never tries again itself is no layer. */
static struct rounds rounds_and_cuts(const struct request_seen *requests, uint32_t count,
                                     struct cuts *cuts)
{
    struct rounds rounds;
    enum rounds_by by;

    if (count < 2 || count > REQUESTS_MAX)
        return one_layer(count);
    by = cut(requests, count, cuts);
    if (by == ROUNDS_NONE)
        return one_layer(count);
    rounds = sum_up(by, cuts, count);
    return rounds.count > 1 && rounds.attempts_max > 1 ? rounds : one_layer(count);
}

struct rounds rounds_of(const struct request_seen *requests, uint32_t count)
{
    struct cuts cuts = {0};

    return rounds_and_cuts(requests, count, &cuts);
}

/* "(3, 3, 1)", or as much of it as there is room for. */
static void write_sizes(const struct cuts *cuts, uint32_t count, char *text, size_t room)
{
    static const char ELLIPSIS[] = ", ...)";
    size_t used = 0;
    uint32_t size;

    for (uint32_t i = 0; i < count; i += size) {
        char number[16];

        size = size_of_round(cuts, i, count);
        snprintf(number, sizeof(number), "%s%u", i > 0 ? ", " : " (", size);
        if (used + strlen(number) + sizeof(ELLIPSIS) > room) {
            snprintf(text + used, room - used, "%s", ELLIPSIS);
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s", number);
    }
    snprintf(text + used, room - used, ")");
}

void rounds_write(const struct rounds *rounds, const struct request_seen *requests, uint32_t count,
                  char text[ROUNDS_TEXT_MAX])
{
    struct cuts cuts = {0};
    size_t used;

    if (rounds->by == ROUNDS_NONE) {
        snprintf(text, ROUNDS_TEXT_MAX, "%u attempt%s", count, count == 1 ? "" : "s");
        return;
    }
    if (rounds->count * rounds->attempts_max == count) {
        snprintf(text, ROUNDS_TEXT_MAX, "%u attempts = %u rounds of %u", count, rounds->count,
                 rounds->attempts_max);
        return;
    }
    rounds_and_cuts(requests, count, &cuts);
    used =
        (size_t)snprintf(text, ROUNDS_TEXT_MAX, "%u attempts in %u rounds", count, rounds->count);
    write_sizes(&cuts, count, text + used, ROUNDS_TEXT_MAX - used);
}
