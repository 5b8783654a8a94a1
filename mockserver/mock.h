#ifndef MOCKSERVER_MOCK_H
#define MOCKSERVER_MOCK_H

/* The mock: the upstream engine between sockets and the journal. It holds no opinion: requests go
 * in with their instants, effects come out and are applied.
 *
 *     connections --request, flushed, gone--> engine --head, body, end--> connections
 *                 --accepted, unreadable----> engine (a note)
 *                                               |
 *                                               +--journal--> journal_sink
 *
 * Happy path: mock_open; connections of provider p belong to mock_owner(p); mock_start, or the
 * first request, starts the run; the program's loop calls mock_turn whenever something happened,
 * sleeps no longer than it says, and shuts the listeners that mock_refuses names; mock_stop
 * journals what is open.
 *
 * Faults of connections are decided per connection (fault/chaos.h) when it comes in; the first that
 * a rule would hit starts the run as a request does, for no request may ever come.
 *
 * Failure modes: mock_open (memory). More than MOCK_EXCHANGES_MAX requests at a time are answered
 * 503 by the shell; they stand in the journal like all that was refused before it became a request.
 * A path /t/NAME/rest is served as /rest: the prefix isolates one test from another. NAME has at
 * most MOCK_ISOLATION_MAX letters, digits, and "-._~"; with another one the path is unknown (404).
 */

#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"
#include "connection.h"
#include "engine/upstream.h"
#include "journal_sink.h"
#include "scenario/scenario.h"

enum { MOCK_EXCHANGES_MAX = 16384, MOCK_ISOLATION_MAX = 47 };

struct mock;

/* Who looks on, for the admin API: told of every record of the journal, asked about every request
 * (does a key stand in it that must not leave?), and given every post to a hook. Each may be NULL;
 * what is passed is borrowed for the call. `number` is the one its record will have. */
struct mock_watcher {
    void (*on_record)(void *context, const struct journal_record *record);
    bool (*has_canary)(void *context, const struct http_request *http);
    void (*on_hook)(void *context, uint64_t number, const struct http_request *http);
    void *context;
};

struct mock_options {
    const struct scenario *scenario; /* all borrowed for life */
    const struct memory *memory;
    struct connections *connections;
    struct journal_sink *journal;
    struct mock_watcher watcher; /* copied; zeroed: nobody */
};

MUST_USE enum rc mock_open(struct mock **mock, const struct mock_options *options,
                           struct error *err);
void mock_close(struct mock *mock); /* NULL is fine */

/* Who answers at the listener of this provider, of UPSTREAM_GATEWAY or UPSTREAM_HOOKS; lives as
 * long as the mock. */
const struct connection_owner *mock_owner(const struct mock *mock, uint32_t provider);

bool mock_is_started(const struct mock *mock);
nanos mock_started_at(const struct mock *mock); /* of the monotonic clock: t0; once started */

/* Run time 0 is `t0` of the monotonic clock, past or to come. Once, and again for an earlier one
 * while it is still to come: until then run time is below 0 and no window is open, which is how a
 * program may warm up. */
bool mock_may_start(const struct mock *mock, nanos t0);
void mock_start(struct mock *mock, nanos t0);

/* Does what is due. Returns how long the loop may sleep: 0 for not at all, NANOS_NEVER for until
 * something happens. */
nanos mock_turn(struct mock *mock);

/* Does nobody listen at this one's listener now? Answered as of the latest mock_turn. */
bool mock_refuses(const struct mock *mock, uint32_t provider);

/* The run is over: every open exchange goes into the journal. Nothing is sent after this. */
void mock_stop(struct mock *mock);

struct upstream *mock_engine(struct mock *mock); /* for what may be changed while it runs */
nanos mock_now(const struct mock *mock);         /* run time; 0 before the start */

uint64_t mock_run_tag(const struct mock *mock); /* part of every response id, new per mock */
uint32_t mock_open_count(const struct mock *mock);
uint64_t mock_requests_count(const struct mock *mock);

#endif
