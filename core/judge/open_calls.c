#include "judge/open_calls.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { PLACES_FIRST = 64, REQUESTS_FIRST = 4, REQUESTS_MAX = 1024 };

void open_calls_init(struct open_calls *calls, const struct memory *memory)
{
    *calls = (struct open_calls){.memory = memory};
}

void open_calls_deinit(struct open_calls *calls)
{
    for (uint32_t i = 0; i < calls->places_count; i++) {
        memory_release(calls->memory, calls->places[i].call);
        memory_release(calls->memory, calls->places[i].requests);
    }
    memory_release(calls->memory, calls->places);
    memory_release(calls->memory, calls->free_list);
    memory_release(calls->memory, calls->buckets);
    *calls = (struct open_calls){0};
}

static uint32_t bucket_of(const struct open_calls *calls, struct call_id id)
{
    uint64_t mixed = (id.index ^ (uint64_t)id.source << 56) * 0x9E3779B97F4A7C15u;

    return (uint32_t)(mixed >> 32) & (calls->buckets_count - 1);
}

static bool is_same(struct call_id a, struct call_id b)
{
    return a.source == b.source && a.index == b.index;
}

/* The bucket that holds the id, or the empty one where it would go. */
static uint32_t probe(const struct open_calls *calls, struct call_id id)
{
    uint32_t bucket = bucket_of(calls, id);

    while (calls->buckets[bucket] != 0 &&
           !is_same(calls->places[calls->buckets[bucket] - 1].id, id))
        bucket = (bucket + 1) & (calls->buckets_count - 1);
    return bucket;
}

struct open_call *open_calls_find(const struct open_calls *calls, struct call_id id)
{
    uint32_t bucket;

    if (calls->buckets_count == 0)
        return NULL;
    bucket = probe(calls, id);
    return calls->buckets[bucket] != 0 ? &calls->places[calls->buckets[bucket] - 1] : NULL;
}

static void rehash(struct open_calls *calls)
{
    memset(calls->buckets, 0, calls->buckets_count * sizeof(*calls->buckets));
    for (uint32_t i = 0; i < calls->places_count; i++)
        if (calls->places[i].is_open)
            calls->buckets[probe(calls, calls->places[i].id)] = i + 1;
}

/* Grows in three requests; each leaves the table whole if the next one fails. */
static enum rc grow(struct open_calls *calls)
{
    const struct memory *memory = calls->memory;
    uint32_t capacity = calls->places_capacity > 0 ? calls->places_capacity * 2 : PLACES_FIRST;
    struct open_call *places;
    uint32_t *list;

    if (capacity > OPEN_CALLS_MAX)
        return RC_LIMIT;
    places = memory->resize(memory->context, calls->places, capacity * sizeof(*places));
    if (places == NULL)
        return RC_NOMEM;
    calls->places = places;
    list = memory->resize(memory->context, calls->free_list, capacity * sizeof(*list));
    if (list == NULL)
        return RC_NOMEM;
    calls->free_list = list;
    list = memory->resize(memory->context, calls->buckets, (size_t)capacity * 2 * sizeof(*list));
    if (list == NULL)
        return RC_NOMEM;
    calls->buckets = list;
    calls->buckets_count = capacity * 2;
    calls->places_capacity = capacity;
    rehash(calls);
    return RC_OK;
}

static struct open_call *take_place(struct open_calls *calls)
{
    struct open_call *place;

    if (calls->free_count > 0)
        return &calls->places[calls->free_list[--calls->free_count]];
    if (calls->places_count == calls->places_capacity && grow(calls) != RC_OK)
        return NULL;
    place = &calls->places[calls->places_count++];
    *place = (struct open_call){0};
    return place;
}

struct open_call *open_calls_take(struct open_calls *calls, struct call_id id)
{
    struct open_call *open = open_calls_find(calls, id);

    if (open != NULL)
        return open;
    open = take_place(calls);
    if (open == NULL)
        return NULL;
    open->id = id;
    open->is_open = true;
    open->has_call = false;
    open->requests_count = 0;
    calls->buckets[probe(calls, id)] = (uint32_t)(open - calls->places) + 1;
    calls->open_count++;
    return open;
}

/* Closes the gap that a removal leaves, so that probing never stops short: an entry further on
 * moves into the gap unless its own bucket lies behind it. */
static void close_gap(struct open_calls *calls, uint32_t gap)
{
    uint32_t mask = calls->buckets_count - 1;

    for (uint32_t next = (gap + 1) & mask; calls->buckets[next] != 0; next = (next + 1) & mask) {
        uint32_t home = bucket_of(calls, calls->places[calls->buckets[next] - 1].id);

        if (((next - home) & mask) < ((next - gap) & mask))
            continue;
        calls->buckets[gap] = calls->buckets[next];
        gap = next;
    }
    calls->buckets[gap] = 0;
}

void open_calls_release(struct open_calls *calls, struct open_call *open)
{
    assert(open->is_open);
    close_gap(calls, probe(calls, open->id));
    open->is_open = false;
    calls->free_list[calls->free_count++] = (uint32_t)(open - calls->places);
    calls->open_count--;
}

enum rc open_call_add(struct open_calls *calls, struct open_call *open,
                      const struct request_seen *request)
{
    const struct memory *memory = calls->memory;

    if (open->requests_count == open->requests_capacity) {
        uint32_t capacity =
            open->requests_capacity > 0 ? open->requests_capacity * 2 : REQUESTS_FIRST;
        struct request_seen *requests;

        if (capacity > REQUESTS_MAX)
            return RC_LIMIT;
        requests = memory->resize(memory->context, open->requests, capacity * sizeof(*requests));
        if (requests == NULL)
            return RC_NOMEM;
        open->requests = requests;
        open->requests_capacity = capacity;
    }
    open->requests[open->requests_count++] = *request;
    return RC_OK;
}

/* A whole record is 8 KB, mostly of attempts that were never made: the copy ends with the last one
 * that was. Its readers go by call_attempts_kept(). */
enum rc open_call_keep(struct open_calls *calls, struct open_call *open,
                       const struct call_record *call)
{
    const struct memory *memory = calls->memory;
    size_t bytes = offsetof(struct call_record, attempts) +
                   call_attempts_kept(call) * sizeof(call->attempts[0]);

    assert(!open->has_call);
    if (open->call_bytes < bytes) {
        struct call_record *copy = memory->resize(memory->context, open->call, bytes);

        if (copy == NULL)
            return RC_NOMEM;
        open->call = copy;
        open->call_bytes = bytes;
    }
    memcpy(open->call, call, bytes);
    open->has_call = true;
    return RC_OK;
}
