#ifndef HARNESS_RUN_JSON_H
#define HARNESS_RUN_JSON_H

/* run.json: all that is needed to know what was run, and to run it again; also what --json prints.
 * Its members: format (version of this layout), brownout, name, world, started, took_ns,
 * interrupted, problem, seed, generator, machine, clock, driver, then those of the judgement
 * (report/json.h: verdict, laws, expectations, figures), last the scenario's text as run. Pure but
 * for uname. */

#include "base/buffer.h"
#include "trial.h"

void run_json_write(const struct trial *trial, const struct error *problem, nanos took,
                    struct buffer *out);

#endif
