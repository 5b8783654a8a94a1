#ifndef HARNESS_LANE_H
#define HARNESS_LANE_H

/* A lane: one libcurl multi handle with at most LANE_TRANSFERS_MAX transfers and as many
 * connections. libcurl looks for an idle connection by walking all it has to that host, so one
 * handle for a thousand connections runs at less than half the speed of many small ones (design
 * §10). A lane serves one provider (lanes.h); all share one poller and one loop.
 *
 * Happy path: lane_add; when `deadlines` says so lane_timeout; when a socket is ready lane_socket;
 * after either lane_ended until it says no. libcurl's timer is a deadline in user space, kept in
 * the host's table under the lane's index: a timerfd re-armed at every callback costs more than
 * half the speed.
 *
 * Failure modes: lane_open, lane_add (memory). lane_add and lane_remove may not be called inside a
 * transfer's callbacks. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/timers.h"
#include "poller.h"
#include "transfer.h"

enum { LANE_TRANSFERS_MAX = 16 };

/* What all lanes share; borrowed for their life. */
struct lane_host {
    struct transfer_host *transfers; /* for the time */
    struct poller *poller;
    struct timers *deadlines; /* by lane index, in run time */
};

struct lane {
    const struct lane_host *host;
    void *multi; /* CURLM; NULL: not open */
    uint32_t index;
    uint32_t transfers_count;
};

MUST_USE enum rc lane_open(struct lane *lane, const struct lane_host *host, uint32_t index);
void lane_close(struct lane *lane); /* empty, or never opened */

MUST_USE enum rc lane_add(struct lane *lane, struct transfer *t);

/* Takes a transfer out. If it was not over, its connection is closed, so that the server sees that
 * the client left. */
void lane_remove(struct lane *lane, struct transfer *t);

void lane_socket(struct lane *lane, const struct poller_event *event);
void lane_timeout(struct lane *lane);

/* The next transfer that is over, taken out of the lane. */
bool lane_ended(struct lane *lane, struct transfer **t, enum client_end *end);

#endif
