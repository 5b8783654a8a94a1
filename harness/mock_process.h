#ifndef HARNESS_MOCK_PROCESS_H
#define HARNESS_MOCK_PROCESS_H

/* The mock of one run: brownout-mock, started from the folder this program lies in.
 *
 *   us                                   brownout-mock
 *    |-- start, one end of a socket pair --> |
 *    | <------ stdout: "NAME URL" lines -----|
 *    |------ POST /_brownout/start (t0) ---> |
 *    | <------ journal, over the pair -------|  while the run runs
 *    |------ our half of the pair closed --> |  "finish": also when we are killed
 *    | <------ the rest, {"end":true,...} ---|
 *
 * Failure modes: it cannot be started, does not say where it listens within START_PATIENCE, or is
 * another version that does not know us: RC_SYSTEM. Its own complaints go to standard error.
 * A zeroed one is closed. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/nanos.h"
#include "os/child.h"
#include "scenario/scenario.h"

enum { ORIGIN_TEXT_MAX = 64, MOCK_PLACES_MAX = SCENARIO_PROVIDERS_ROOM + 3 };

/* One of its listeners: those of the scenario's providers, of every family beside them, "gateway",
 * "hooks" and "admin". */
struct mock_place {
    char name[32];
    char origin[ORIGIN_TEXT_MAX]; /* "http://127.0.0.1:PORT" */
};

struct mock_process {
    struct child child;
    int journal_fd; /* our end, non-blocking */
    bool has_journal;
    struct mock_place places[MOCK_PLACES_MAX];
    uint32_t places_count;
    char admin[ORIGIN_TEXT_MAX]; /* "http://127.0.0.1:PORT", like all below */
    char hooks[ORIGIN_TEXT_MAX];
    char providers[SCENARIO_PROVIDERS_MAX][ORIGIN_TEXT_MAX]; /* by index */
    const char *origins[SCENARIO_PROVIDERS_MAX]; /* the same, as the transport wants it */
};

struct mock_process_options {
    const struct scenario *scenario;
    const char *scenario_file;
    const char *port; /* of its first listener, the others count on from there; NULL: free ones */
};

/* Starts it on a scenario file and waits until it listens. */
MUST_USE enum rc mock_process_start(struct mock_process *mock,
                                    const struct mock_process_options *options, struct error *err);

/* "http://127.0.0.1:PORT" of a listener; NULL: there is none of that name. */
const char *mock_process_origin(const struct mock_process *mock, struct slice name);

/* Tells it that run time 0 is `t0` of the monotonic clock. Without, the first request starts it. */
MUST_USE enum rc mock_process_begin(struct mock_process *mock, nanos t0, struct error *err);

/* Tells it of keys that must not leave. */
MUST_USE enum rc mock_process_watch(struct mock_process *mock, const struct slice *canaries,
                                    uint32_t count, struct error *err);

/* When the first request started it, on the monotonic clock; NANOS_NEVER: nothing came. Once it
 * answers, it has seen all that was sent or closed before. */
MUST_USE enum rc mock_process_started_at(struct mock_process *mock, nanos *t0, struct error *err);

/* Asks it to end: it writes the rest of its journal and leaves. */
void mock_process_finish(struct mock_process *mock);

/* Waits until it has left, at most `patience`; then it is killed. */
void mock_process_close(struct mock_process *mock, nanos patience);

/* The path of the program to start, for those who replace themselves by it. */
MUST_USE enum rc mock_process_path(char *path, size_t capacity, struct error *err);

#endif
