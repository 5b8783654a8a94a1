#include "judge/keeper.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"
#include "judge/call_case.h"

enum { HELD_FIRST = 256 };

enum rc keeper_init(struct keeper *k, const struct scenario *scenario, const struct memory *memory,
                    const struct keeper_sink *sink)
{
    *k = (struct keeper){.scenario = scenario,
                         .memory = memory,
                         .sink = *sink,
                         .draw_stream = rng_stream(SLICE("evidence"))};
    k->recent = memory_zeroed(memory, KEEPER_NEIGHBOURS, sizeof(*k->recent));
    return k->recent != NULL ? RC_OK : RC_NOMEM;
}

void keeper_deinit(struct keeper *k)
{
    if (k->memory != NULL) {
        memory_release(k->memory, k->held);
        memory_release(k->memory, k->buckets);
        memory_release(k->memory, k->recent);
    }
    *k = (struct keeper){0};
}

/* --- journal records by call ------------------------------------------------------------------ */

static bool is_same(struct call_id a, struct call_id b)
{
    return a.source == b.source && a.index == b.index;
}

static uint64_t key_of(struct call_id id)
{
    return id.index ^ (uint64_t)id.source << 56;
}

static uint32_t *bucket_of(const struct keeper *k, struct call_id id)
{
    uint64_t mixed = key_of(id) * 0x9E3779B97F4A7C15u;

    return &k->buckets[(uint32_t)(mixed >> 32) & (k->held_capacity - 1)];
}

/* At the end of its bucket, so that the records of a call stay in the order they came in. */
static void chain(struct keeper *k, uint32_t place)
{
    uint32_t *link = bucket_of(k, k->held[place].call);

    while (*link != 0)
        link = &k->held[*link - 1].next;
    k->held[place].next = 0;
    *link = place + 1;
}

/* Only when no place is free: then every one is in use and is chained again, in the order of the
 * old chains. */
static bool grow(struct keeper *k)
{
    const struct memory *memory = k->memory;
    uint32_t before = k->held_capacity;
    uint32_t capacity = before > 0 ? before * 2 : HELD_FIRST;
    struct held_record *held;
    uint32_t *buckets, *old = k->buckets;

    if (capacity > KEEPER_HELD_MAX)
        return false;
    held = memory->resize(memory->context, k->held, capacity * sizeof(*held));
    if (held == NULL)
        return false;
    k->held = held;
    buckets = memory_zeroed(memory, capacity, sizeof(*buckets));
    if (buckets == NULL)
        return false;
    k->buckets = buckets;
    k->held_capacity = capacity;
    for (uint32_t b = 0; b < before; b++) {
        for (uint32_t next, place = old[b]; place != 0; place = next) {
            next = held[place - 1].next;
            chain(k, place - 1);
        }
    }
    memory_release(memory, old);
    return true;
}

static bool take_place(struct keeper *k, uint32_t *place)
{
    if (k->first_free != 0) {
        *place = k->first_free - 1;
        k->first_free = k->held[*place].next;
        return true;
    }
    if (k->held_used == k->held_capacity && !grow(k))
        return false;
    *place = k->held_used++;
    return true;
}

void keeper_hold(struct keeper *k, const struct journal_record *record)
{
    struct call_id id;
    uint32_t place;

    if (!call_id_read(k->scenario, slice_of(record->call), &id)) {
        k->sink.journal(k->sink.context, record);
        return;
    }
    if (!take_place(k, &place)) {
        k->records_lost++;
        return;
    }
    k->held[place].call = id;
    memcpy(&k->held[place].record, record,
           offsetof(struct journal_record, plan) + strlen(record->plan) + 1);
    chain(k, place);
}

/* Lets go of what is held for a call, and hands it on first when it is kept. */
static void release(struct keeper *k, struct call_id id, bool is_kept)
{
    uint32_t *link;

    if (k->held_capacity == 0)
        return;
    link = bucket_of(k, id);
    while (*link != 0) {
        struct held_record *held = &k->held[*link - 1];
        uint32_t place = *link;

        if (!is_same(held->call, id)) {
            link = &held->next;
            continue;
        }
        if (is_kept)
            k->sink.journal(k->sink.context, &held->record);
        *link = held->next;
        held->next = k->first_free;
        k->first_free = place;
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static void keep(struct keeper *k, const struct call_record *call)
{
    k->calls_kept++;
    k->sink.call(k->sink.context, call);
    release(k, call->id, true);
}

/* The place of the oldest of the recent calls, which is given up. */
static uint32_t turn(struct keeper *k)
{
    uint32_t place = k->recent_next;

    if (k->is_waiting[place])
        release(k, k->recent[place].id, false);
    k->is_waiting[place] = false;
    k->recent_next = (place + 1) % KEEPER_NEIGHBOURS;
    return place;
}

static void remember(struct keeper *k, const struct call_record *call)
{
    uint32_t place = turn(k);

    memcpy(&k->recent[place], call,
           offsetof(struct call_record, attempts) +
               call_attempts_kept(call) * sizeof(call->attempts[0]));
    k->is_waiting[place] = true;
}

static void keep_neighbours_before(struct keeper *k)
{
    for (uint32_t i = 0; i < KEEPER_NEIGHBOURS; i++) {
        uint32_t place = (k->recent_next + i) % KEEPER_NEIGHBOURS;

        if (k->is_waiting[place])
            keep(k, &k->recent[place]);
        k->is_waiting[place] = false;
    }
}

/* One of each KEEPER_ONE_IN consecutive calls of a source. Calls are judged nearly in order, so the
 * latest draw serves most of them. */
static bool is_drawn(struct keeper *k, struct call_id id)
{
    struct call_id group = {.source = id.source, .index = id.index / KEEPER_ONE_IN};

    if (!k->has_drawn || !is_same(group, k->drawn_group)) {
        k->drawn = rng_draw(k->scenario->seed, k->draw_stream, key_of(group), 0) % KEEPER_ONE_IN;
        k->drawn_group = group;
        k->has_drawn = true;
    }
    return id.index % KEEPER_ONE_IN == k->drawn;
}

void keeper_judged(struct keeper *k, const struct call_record *call, bool is_violation)
{
    k->calls_judged++;
    if (is_violation || call->outcome != OUTCOME_OK) {
        keep_neighbours_before(k);
        k->after = KEEPER_NEIGHBOURS;
        keep(k, call);
    } else if (k->after > 0) {
        k->after--;
        keep(k, call);
    } else if (is_drawn(k, call->id)) {
        turn(k); /* it is a neighbour that needs not be remembered */
        keep(k, call);
    } else {
        remember(k, call);
    }
}

void keeper_finish(struct keeper *k)
{
    for (uint32_t i = 0; i < KEEPER_NEIGHBOURS; i++)
        turn(k);
    for (uint32_t b = 0; b < k->held_capacity; b++)
        while (k->buckets[b] != 0)
            release(k, k->held[k->buckets[b] - 1].call, true);
}
