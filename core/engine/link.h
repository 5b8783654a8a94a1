#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

/* The network between the two engines in the simulator: messages that arrive later, and a pool of
 * connections that have to be opened, are reused, and grow old.
 *
 * Three lanes, each a queue with one constant delay, so each stays in order by itself: connections
 * being opened (connect), what goes to the upstream (latency), answers (latency). The earliest head
 * of the three comes next; of equal instants answers go first.
 *
 * Happy path: link_post; link_first_at; link_take. Bytes are copied on posting and lent on taking,
 * until the next post or take. Failure modes: RC_NOMEM when a queue cannot grow. One thread owns
 * it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "base/slice.h"
#include "scenario/scenario.h"

enum link_lane { LINK_NEW, LINK_POOLED, LINK_ANSWER, LINK_LANES };

struct link_message {
    uint32_t kind; /* the simulator's own */
    uint32_t slot, attempt;
    uint32_t exchange;
    uint32_t connection;
    uint64_t number;            /* status, length, ... as the kind wants */
    nanos sent_at;              /* when it was posted */
    struct slice first, second; /* two stretches of bytes */
};

struct link_queue;

struct link {
    const struct link_rules *rules;
    const struct memory *memory;
    struct link_queue *queues; /* LINK_LANES of them */
    struct link_queue *first;  /* whose head arrives first; NULL: none is under way */
};

MUST_USE enum rc link_init(struct link *link, const struct link_rules *rules,
                           const struct memory *memory);
void link_deinit(struct link *link);

MUST_USE enum rc link_post(struct link *link, enum link_lane lane, nanos now,
                           const struct link_message *message);

/* When the earliest message arrives; NANOS_NEVER when none is under way. */
nanos link_first_at(const struct link *link);

/* Takes the message that arrives first, if it arrives at or before `now`. */
bool link_take(struct link *link, nanos now, struct link_message *message);

#endif
