#include "engine/call_table.h"

#include <assert.h>
#include <stddef.h>

enum { NO_CALL = UINT32_MAX };

void call_table_clear(struct call_table *t)
{
    t->calls_born = 0;
    t->free_first = NO_CALL;
    t->newest = NO_CALL;
    t->oldest = NO_CALL;
    for (uint32_t bucket = 0; bucket <= t->buckets_mask; bucket++)
        t->buckets[bucket] = NO_CALL;
}

enum rc call_table_init(struct call_table *t, uint32_t calls_max, const struct memory *memory)
{
    uint32_t buckets = 1;

    assert(calls_max > 0);
    assert(calls_max <= UINT32_MAX / 2);
    while (buckets < calls_max)
        buckets *= 2;
    *t = (struct call_table){.calls_max = calls_max, .buckets_mask = buckets - 1, .memory = memory};
    t->calls = memory->resize(memory->context, NULL, calls_max * sizeof(*t->calls));
    t->buckets = memory_zeroed(memory, buckets, sizeof(*t->buckets));
    if (t->calls == NULL || t->buckets == NULL) {
        call_table_deinit(t);
        return RC_NOMEM;
    }
    call_table_clear(t);
    return RC_OK;
}

void call_table_deinit(struct call_table *t)
{
    if (t->memory == NULL)
        return;
    memory_release(t->memory, t->calls);
    memory_release(t->memory, t->buckets);
    *t = (struct call_table){0};
}

/* --- links ------------------------------------------------------------------------------------ */

static uint32_t index_of(const struct call_table *t, const struct call_seen *call)
{
    return (uint32_t)(call - t->calls);
}

static uint32_t *bucket_of(const struct call_table *t, uint64_t key)
{
    return &t->buckets[(key ^ key >> 32) & t->buckets_mask];
}

static void link_use(struct call_table *t, uint32_t index)
{
    t->calls[index].newer = NO_CALL;
    t->calls[index].older = t->newest;
    if (t->newest != NO_CALL)
        t->calls[t->newest].newer = index;
    else
        t->oldest = index;
    t->newest = index;
}

static void unlink_use(struct call_table *t, const struct call_seen *call)
{
    if (call->newer != NO_CALL)
        t->calls[call->newer].older = call->older;
    else
        t->newest = call->older;
    if (call->older != NO_CALL)
        t->calls[call->older].newer = call->newer;
    else
        t->oldest = call->newer;
}

static void link_bucket(struct call_table *t, uint32_t index)
{
    uint32_t *bucket = bucket_of(t, t->calls[index].key);

    t->calls[index].back = NO_CALL;
    t->calls[index].next = *bucket;
    if (*bucket != NO_CALL)
        t->calls[*bucket].back = index;
    *bucket = index;
}

static void unlink_bucket(struct call_table *t, const struct call_seen *call)
{
    if (call->back != NO_CALL)
        t->calls[call->back].next = call->next;
    else
        *bucket_of(t, call->key) = call->next;
    if (call->next != NO_CALL)
        t->calls[call->next].back = call->back;
}

/* --- what callers see ------------------------------------------------------------------------- */

static struct call_seen *find(struct call_table *t, uint32_t from, uint64_t key)
{
    for (uint32_t index = from; index != NO_CALL; index = t->calls[index].next)
        if (t->calls[index].key == key)
            return &t->calls[index];
    return NULL;
}

struct call_seen *call_table_newest(struct call_table *t, uint64_t key)
{
    return find(t, *bucket_of(t, key), key);
}

struct call_seen *call_table_before(struct call_table *t, const struct call_seen *call)
{
    return find(t, call->next, call->key);
}

static uint32_t take_place(struct call_table *t)
{
    uint32_t index = t->free_first;

    if (index == NO_CALL && t->calls_born < t->calls_max)
        return t->calls_born++;
    if (index == NO_CALL) {
        call_table_drop(t, &t->calls[t->oldest]);
        index = t->free_first;
    }
    t->free_first = t->calls[index].next;
    return index;
}

struct call_seen *call_table_add(struct call_table *t, uint64_t key)
{
    uint32_t index = take_place(t);

    t->calls[index] = (struct call_seen){.key = key};
    link_use(t, index);
    link_bucket(t, index);
    return &t->calls[index];
}

void call_table_use(struct call_table *t, struct call_seen *call)
{
    unlink_use(t, call);
    link_use(t, index_of(t, call));
}

void call_table_drop(struct call_table *t, struct call_seen *call)
{
    unlink_use(t, call);
    unlink_bucket(t, call);
    call->next = t->free_first;
    t->free_first = index_of(t, call);
}

void call_table_drop_isolation(struct call_table *t, uint64_t isolation)
{
    uint32_t index = t->newest;

    while (index != NO_CALL) {
        struct call_seen *call = &t->calls[index];

        index = call->older;
        if (call->isolation == isolation)
            call_table_drop(t, call);
    }
}
