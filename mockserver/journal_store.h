#ifndef MOCKSERVER_JOURNAL_STORE_H
#define MOCKSERVER_JOURNAL_STORE_H

/* The latest records of the journal in memory, for whoever asks the admin API: a ring, bounded in
 * bytes at birth.
 *
 * Each record has a place: 1 for the first that was ever added, and so on, in the order in which
 * exchanges ended (their numbers are in the order of arrival). A reader goes from place to place:
 *
 *     uint64_t place = after;
 *     while (journal_store_next(store, &place, &record))
 *         ...
 *
 * Failure modes: only journal_store_new (memory). Once it is full each new record drops the oldest;
 * journal_store_is_whole says whether what lies behind a place is still all there. Memory is
 * touched only as far as it is used. One thread owns it; records are borrowed until the next add or
 * reset. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "judge/evidence.h"

struct journal_store;

/* At least one record is kept, however few bytes that is. */
MUST_USE enum rc journal_store_new(struct journal_store **store, size_t bytes_max,
                                   const struct memory *memory);
void journal_store_free(struct journal_store *store); /* NULL is fine */

void journal_store_add(struct journal_store *store, const struct journal_record *record);

/* The next one behind `*place`, whose own place that becomes. False: there is none. */
bool journal_store_next(const struct journal_store *store, uint64_t *place,
                        const struct journal_record **record);

uint64_t journal_store_last(const struct journal_store *store); /* place of the newest; 0: none */
uint64_t journal_store_dropped(const struct journal_store *store); /* for want of room */
bool journal_store_is_whole(const struct journal_store *store, uint64_t after);

/* Forgets the records of one isolation path; all when it is empty. Returns how many. Places go on
 * from where they were. */
uint64_t journal_store_reset(struct journal_store *store, struct slice isolation);

#endif
