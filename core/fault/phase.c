#include "fault/phase.h"

#include <assert.h>

static const struct slice AFTER = {"after:", 6};

bool phase_is_open(const struct phase *phase, nanos at)
{
    return at >= phase->at && at < phase_ends_at(phase);
}

nanos phase_ends_at(const struct phase *phase)
{
    return nanos_add(phase->at, phase->lasts);
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

        if (at >= phase->at)
            set.is_before = false;
        if (at >= phase_ends_at(phase))
            set.named |= after_bit(i);
        if (phase_is_open(phase, at)) {
            set.named |= open_bit(i);
            set.is_quiet = false;
        }
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
