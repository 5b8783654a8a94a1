#ifndef HARNESS_RUN_JSON_H
#define HARNESS_RUN_JSON_H

/* run.json: all that is needed to know what was run, and to run it again; also what --json prints.
 *
 * Its members: format (version of this layout), brownout (version of the program), started,
 * problem (why it could not be carried out, or null), seed, generator, machine, clock, driver;
 * facts (judge/facts.h: what judging again needs to know); then those of the judgement as
 * report/json.h has them (verdict, scenario, world, interrupted, laws, expectations, figures, ...);
 * scenario_text: what was run, --client and --set applied; last checksum, of every byte before it.
 */

#include "base/buffer.h"
#include "trial.h"

void run_json_write(const struct trial *trial, const struct error *problem, nanos took,
                    struct buffer *out);

#endif
