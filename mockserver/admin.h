#ifndef MOCKSERVER_ADMIN_H
#define MOCKSERVER_ADMIN_H

/* The admin API: what the mock saw and did, and what may be changed while it runs, as JSON on paths
 * under /_brownout/ (docs/mock-api.md tells them all).
 *
 *     mock --record, request, post--> watcher --> store, metrics, hook box --> answers
 *                                        |
 *                                        +------> those who wait
 *
 * Happy path: admin_open before the mock, which gets admin_watcher; admin_attach once it is there;
 * admin_tell_place per listener. From then on the admin listener's connections belong to
 * admin_owner.
 *
 * Bounded: bodies of 1 MB, 16 MB of records, ADMIN_WAITERS_MAX who wait, 4 MB of posts to hooks.
 * Failure modes: admin_open (memory). A bad request is answered 400 with what was
 * found and expected; with a token, requests without it 401. A waiter whose client leaves is
 * forgotten. One thread owns it. */

#include <stdbool.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/slice.h"
#include "connection.h"
#include "mock.h"
#include "scenario/scenario.h"

struct event_base;
struct canaries;
struct journal_sink;
struct admin;

enum { ADMIN_WAITERS_MAX = 256, ADMIN_PLACES_MAX = SCENARIO_PROVIDERS_ROOM + 3 };

struct admin_options {
    const struct scenario *scenario; /* all borrowed for life */
    const struct memory *memory;
    struct event_base *base;
    struct connections *connections;
    const struct journal_sink *journal;
    struct slice token;              /* empty: none is asked for */
    const struct canaries *canaries; /* copied */
};

MUST_USE enum rc admin_open(struct admin **admin, const struct admin_options *options,
                            struct error *err);
void admin_close(struct admin *admin); /* NULL is fine */

/* For mock_options; may be called once the admin is open. */
struct mock_watcher admin_watcher(struct admin *admin);

void admin_attach(struct admin *admin, struct mock *mock);

/* A listener, for GET ports. Copied. */
void admin_tell_place(struct admin *admin, const char *name, const char *url);

const struct connection_owner *admin_owner(const struct admin *admin);

#endif
