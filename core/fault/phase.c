#include "fault/phase.h"

#include <assert.h>

static const struct slice AFTER = {"after:", 6};

/* How far `at` is into the current turn of a window that has opened. */
static nanos into_turn(const struct phase *phase, nanos at)
{
    assert(at >= phase->at);
    return phase->every > 0 ? (at - phase->at) % phase->every : at - phase->at;
}

static bool has_opened(const struct phase *phase, nanos at)
{
    return !phase->is_waiting && at >= phase->at && at != NANOS_NEVER;
}

bool phase_is_open(const struct phase *phase, nanos at)
{
    return has_opened(phase, at) && into_turn(phase, at) < phase->lasts;
}

nanos phase_ends_at(const struct phase *phase)
{
    return phase->is_waiting ? NANOS_NEVER : nanos_add(phase->at, phase->lasts);
}

nanos phase_changes_at(const struct phase *phase, nanos at)
{
    nanos into, turn_at;

    if (phase->is_waiting)
        return NANOS_NEVER;
    if (!has_opened(phase, at))
        return at < phase->at ? phase->at : NANOS_NEVER;
    into = into_turn(phase, at);
    turn_at = at - into;
    if (into < phase->lasts && (phase->every == 0 || phase->lasts < phase->every))
        return nanos_add(turn_at, phase->lasts);
    if (phase->every == 0 || phase->lasts >= phase->every)
        return NANOS_NEVER;
    return nanos_add(turn_at, phase->every);
}

static void count_from(struct phase *phase, nanos at)
{
    phase->at = nanos_add(phase->at, at - phase->marked_at);
    phase->marked_at = at;
    phase->is_waiting = false;
}

void phases_first_request(struct phases *phases, nanos at)
{
    for (uint32_t i = 0; i < phases->count; i++) {
        struct phase *phase = &phases->list[i];

        if (phase->from == PHASE_FROM_FIRST_REQUEST && phase->is_waiting)
            count_from(phase, at);
    }
}

bool phases_mark(struct phases *phases, struct slice name, nanos at)
{
    bool is_known = false;

    for (uint32_t i = 0; i < phases->count; i++) {
        struct phase *phase = &phases->list[i];

        if (phase->from != PHASE_FROM_MARK || !slice_is(name, slice_of(phase->mark)))
            continue;
        count_from(phase, at);
        is_known = true;
    }
    return is_known;
}

static uint64_t open_bit(uint32_t index)
{
    return (uint64_t)1 << index;
}

static uint64_t after_bit(uint32_t index)
{
    return (uint64_t)1 << (PHASES_MAX + index);
}

struct phase_set phases_at(const struct phases *phases, nanos at)
{
    struct phase_set set = {.is_before = true, .is_quiet = true};

    assert(phases->count <= PHASES_MAX);
    if (at == NANOS_NEVER)
        return (struct phase_set){0};
    for (uint32_t i = 0; i < phases->count; i++) {
        const struct phase *phase = &phases->list[i];

        set.is_before &= !phase->is_waiting && !has_opened(phase, at);
        set.is_quiet &= !phase->is_waiting && !phase_is_open(phase, at);
        if (phase_is_open(phase, at))
            set.named |= open_bit(i);
        else if (at >= phase_ends_at(phase))
            set.named |= after_bit(i);
    }
    return set;
}

static uint64_t bits_named(const struct phases *phases, struct slice name,
                           uint64_t (*bit)(uint32_t index))
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < phases->count; i++) {
        if (slice_is(name, slice_of(phases->list[i].name)))
            bits |= bit(i);
    }
    return bits;
}

bool phases_find(const struct phases *phases, struct slice name, struct phase_set *set)
{
    struct phase_set found = {
        .is_before = slice_is(name, SLICE("before")),
        .is_quiet = slice_is(name, SLICE("quiet")),
    };

    if (!found.is_before && !found.is_quiet)
        found.named = bits_named(phases, name, open_bit);
    if (slice_starts_with(name, AFTER))
        found.named |= bits_named(
            phases, (struct slice){name.data + AFTER.size, name.size - AFTER.size}, after_bit);
    if (!found.is_before && !found.is_quiet && found.named == 0)
        return false;
    *set = found;
    return true;
}

bool phase_set_overlaps(const struct phase_set *a, const struct phase_set *b)
{
    return (a->named & b->named) != 0 || (a->is_before && b->is_before) ||
           (a->is_quiet && b->is_quiet);
}
