#ifndef HARNESS_LANES_H
#define HARNESS_LANES_H

/* All lanes of one transport, each for one provider: an attempt goes to the first lane of its
 * provider that has a place. So low lanes stay busy and their connections warm, and n attempts in
 * flight at a provider never have more than n connections (rounded up to whole lanes) opened there.
 * Lanes that served all providers would close one's idle connections to make room for another's,
 * and a fallback storm would be a storm of connects.
 *
 * Happy path: lanes_init; lanes_find, and after lane_add or lane_remove lanes_note. Finding looks
 * at a bit for each lane of the provider, 64 at a time: four words for 4,096 places.
 *
 * Failure modes: lanes_init, lanes_find (memory). One thread owns it. */

#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "lane.h"

struct lanes {
    struct lane_host host;
    struct timers deadlines; /* libcurl's, by lane */
    struct lane *lanes;      /* per_provider of the first provider, then of the next */
    uint64_t *has_place;     /* a bit for each lane, words_per_provider likewise */
    uint32_t providers, per_provider, words_per_provider;
    uint32_t open; /* in use so far */
};

struct lanes_options {
    uint32_t providers;
    uint32_t places;                 /* transfers at once at most, all at one provider even */
    struct transfer_host *transfers; /* borrowed for life, like all below */
    struct poller *poller;
    const struct memory *memory;
};

MUST_USE enum rc lanes_init(struct lanes *l, const struct lanes_options *options);
void lanes_deinit(struct lanes *l); /* all empty; a zeroed one is fine */

/* One with a place; NULL when there is no memory for it. */
struct lane *lanes_find(struct lanes *l, uint32_t provider);

/* The lane has taken a transfer in or let one go. */
void lanes_note(struct lanes *l, const struct lane *lane);

/* The next lane whose deadline has come; NULL: none. */
struct lane *lanes_take_due(struct lanes *l, nanos now);

/* When the next one comes; NANOS_NEVER. */
nanos lanes_due_at(const struct lanes *l);

#endif
