#ifndef SCENARIO_SOURCE_H
#define SCENARIO_SOURCE_H

/* The next call of the load: a pure walk through the scenario's parts. The same scenario gives the
 * same calls, whoever asks and whenever. Cheap: a few draws a call. One thread owns a source. */

#include <stdbool.h>
#include <stdint.h>

#include "policy/arrival.h"
#include "scenario/scenario.h"

/* A call's id: which part, and its number there (a trace's row, an arrival's index), never the
 * order of completion. Prints as "trace:217". */
struct call_id {
    uint32_t source; /* index into load.parts */
    uint64_t index;
};

enum { CALL_ID_TEXT_MAX = 64 };

struct call_plan {
    struct call_id id;
    nanos due_at;
    uint32_t model; /* asked first */
    bool stream;
    uint64_t input_tokens;
    uint64_t output_tokens;
};

struct source {
    const struct scenario *scenario;
    uint32_t part;
    uint64_t row; /* next, in a trace part */
    struct arrival arrival;
    bool has_arrival; /* `arrival` is set up for `part` */
};

void source_init(struct source *source, const struct scenario *scenario);

/* False once the load is over. Due times never decrease. */
bool source_next(struct source *source, struct call_plan *plan);

/* Which instance of the application makes a call, and which of `workers` threads plays it: by the
 * id alone, so that every world and every number of threads agrees. Instances stay whole as long
 * as there are no more workers than instances. */
uint32_t call_instance(const struct scenario *scenario, struct call_id id);
uint32_t call_worker(const struct scenario *scenario, struct call_id id, uint32_t workers);

/* "trace:217" into `text` (CALL_ID_TEXT_MAX bytes, zero-terminated); returns its length. */
uint32_t call_id_write(const struct scenario *scenario, struct call_id id, char *text);

/* Reads it back; false when it is no id of this scenario. Of a service under test also
 * "mark:k0-40", as the mock's journal names the call 40 of source 0 by the marker in its prompt. */
bool call_id_read(const struct scenario *scenario, struct slice text, struct call_id *id);

#endif
