#ifndef JUDGE_OPEN_CALLS_H
#define JUDGE_OPEN_CALLS_H

/* Calls of which one end has spoken and the other not yet: a hash table by call id that holds the
 * caller's record, the journal's requests, or both, until the call can be judged.
 *
 * Happy path: take (find or add) an id, add what came, look whether all is there, release.
 * Failure modes: OPEN_CALLS_MAX calls are open, or no memory: the caller of this counts the loss.
 * Places and their space are used again, so nothing is allocated once the busiest moment has been.
 * Pointers to an open call hold until the next take. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "judge/call_case.h"
#include "judge/evidence.h"

enum { OPEN_CALLS_MAX = 65536 };

struct open_call {
    struct call_id id;
    bool is_open; /* else the place is free */
    bool has_call;
    struct call_record *call; /* cut after its last attempt made; meaningful with has_call */
    size_t call_bytes;        /* allocated */
    struct request_seen *requests;
    uint32_t requests_count;
    uint32_t requests_capacity;
};

struct open_calls {
    const struct memory *memory;
    struct open_call *places;
    uint32_t places_count; /* ever used; free ones among them are chained by `free_list` */
    uint32_t places_capacity;
    uint32_t *free_list; /* as many as places_capacity */
    uint32_t free_count;
    uint32_t *buckets;      /* place + 1, or 0: empty; linear probing */
    uint32_t buckets_count; /* power of two, at least twice the open calls */
    uint32_t open_count;
};

void open_calls_init(struct open_calls *calls, const struct memory *memory);
void open_calls_deinit(struct open_calls *calls); /* a zeroed one is fine */

struct open_call *open_calls_find(const struct open_calls *calls, struct call_id id);

/* Finds or adds; NULL when full or out of memory. */
struct open_call *open_calls_take(struct open_calls *calls, struct call_id id);
void open_calls_release(struct open_calls *calls, struct open_call *open);

MUST_USE enum rc open_call_add(struct open_calls *calls, struct open_call *open,
                               const struct request_seen *request);
/* Copies the record. */
MUST_USE enum rc open_call_keep(struct open_calls *calls, struct open_call *open,
                                const struct call_record *call);

#endif
