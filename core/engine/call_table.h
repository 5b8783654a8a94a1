#ifndef ENGINE_CALL_TABLE_H
#define ENGINE_CALL_TABLE_H

/* What is remembered of calls, by a 64-bit key: bounded, the one unused longest makes room. Several
 * calls may have one key (the same question, asked again); the newest of them is found first.
 *
 *     call = call_table_newest(&table, key), or call_table_before(&table, call) ...
 *     call_table_use(&table, call)            it stays longer
 *     call = call_table_add(&table, key)      zeroed but for its key
 *
 * Failure modes: call_table_init (memory). Pure; one thread. What is borrowed lives until the next
 * add, drop or clear. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct call_seen {
    uint64_t key;
    uint64_t isolation; /* hash of /t/NAME */
    uint64_t question;  /* hash of what was asked */
    uint32_t occurrence;
    uint32_t attempts;
    uint32_t round;       /* of these, by the SDK's own count */
    uint32_t in_progress; /* of these */
    bool is_over;
    uint32_t newer, older; /* the table's own: of all, by use */
    uint32_t next, back;   /* and in one bucket, the newest first */
};

struct call_table {
    struct call_seen *calls;
    uint32_t calls_max;
    uint32_t calls_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first; /* linked by `next` */
    uint32_t newest, oldest;
    uint32_t *buckets;
    uint32_t buckets_mask;
    const struct memory *memory;
};

MUST_USE enum rc call_table_init(struct call_table *t, uint32_t calls_max,
                                 const struct memory *memory);
void call_table_deinit(struct call_table *t); /* a zeroed one is fine */

/* NULL when there is none (any more). */
struct call_seen *call_table_newest(struct call_table *t, uint64_t key);
struct call_seen *call_table_before(struct call_table *t, const struct call_seen *call);

struct call_seen *call_table_add(struct call_table *t, uint64_t key);
void call_table_use(struct call_table *t, struct call_seen *call);
void call_table_drop(struct call_table *t, struct call_seen *call);

/* All of one isolation path. Looks at every call. */
void call_table_drop_isolation(struct call_table *t, uint64_t isolation);
void call_table_clear(struct call_table *t);

#endif
