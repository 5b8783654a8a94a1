#ifndef HARNESS_HOOK_SENDER_H
#define HARNESS_HOOK_SENDER_H

/* Carries the monitor's posts to the hooks listener over libcurl, on the thread that collects.
 *
 *   monitor --POST, CANCEL--> hook sender --one transfer per hook kind--> the hooks listener
 *      ^                          |
 *      +----ANSWERED, FAILED------+--SETTLED--> on_settled (a line of alerts.jsonl)
 *
 * Happy path, in the collector's loop:
 *
 *     now = clock_monotonic() - t0;
 *     monitor_note(...) for what came in; hook_sender_turn(sender, now);
 *     hook_sender_poll(sender, descriptors, ARRAY_SIZE(descriptors), now, patience);
 *
 * and once the load is over the same until monitor_is_idle or the patience for it has run out; then
 * monitor_give_up and one more turn, which tells on_settled of everything that was still open.
 *
 * Nothing here blocks but hook_sender_poll. A post is sent once: libcurl never resends it, follows
 * no redirect, uses no proxy; what comes back is read up to a bound and dropped, only status and
 * advice count. A post whose answer's head is whole was answered, whatever becomes of the rest.
 *
 * Failure modes: hook_sender_new (memory). A post that cannot even be made has failed, and the
 * monitor judges that. One thread owns it, the one that owns the monitor. libcurl must have been
 * initialised. */

#include <poll.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "monitor/monitor.h"

struct hook_sender;

struct hook_sender_options {
    struct monitor *monitor; /* borrowed for life, like all below */
    const char *origin;      /* of the hooks listener: "http://127.0.0.1:8005" */
    const struct memory *memory;
    /* Of one alert at one hook; the record is borrowed for the call. */
    void (*on_settled)(void *context, const struct alert_record *record);
    void *context;
};

/* A connection per hook kind and libcurl's own two. */
#define HOOK_SENDER_DESCRIPTORS (HOOK_KINDS_COUNT + 2)

MUST_USE enum rc hook_sender_new(struct hook_sender **sender,
                                 const struct hook_sender_options *options, struct error *err);
void hook_sender_free(struct hook_sender *sender); /* NULL is fine; drops what is under way */

/* Carries out what the monitor wants, moves the transfers on, tells the monitor what came of them
 * and that `now` has come. `now` is run time, never less than any that the monitor was told. */
void hook_sender_turn(struct hook_sender *sender, nanos now);

/* Sleeps until one of `extra` is ready (its revents are then filled; an fd below 0 is passed over),
 * a transfer wants to move on, the monitor wants to be woken, or `patience` is over. */
void hook_sender_poll(struct hook_sender *sender, struct pollfd *extra, size_t extra_count,
                      nanos now, nanos patience);

#endif
