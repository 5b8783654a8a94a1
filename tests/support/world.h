#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

/* A small world for timeline tests: a scenario given as text, run in the simulator, and what
 * happened as a text that a person can read:
 *
 *     "     0ms  burst:0 send 1\n"
 *     "   101ms  burst:0 answered 429\n"
 *
 * World is zeroed, run, looked at, closed; or loaded, changed, simulated, looked at, closed. All
 * records are kept. With a monitor the timeline also tells what became of its alerts:
 *
 *     "   304ms  budget:hourly:0 any 200 after 1\n" */

#include "base/arena.h"
#include "base/buffer.h"
#include "engine/simulator.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"

enum { WORLD_CALLS_MAX = 4096, WORLD_JOURNAL_MAX = 16384, WORLD_ALERTS_MAX = 256 };

struct world_run {
    struct arena arena;
    struct scenario *scenario;
    struct buffer timeline;
    struct call_record *calls; /* in order of completion */
    uint32_t calls_count;
    struct journal_record *journal;
    uint32_t journal_count;
    struct alert_record *alerts;
    uint32_t alerts_count;
    struct monitor *monitor; /* NULL unless the test sets one */
    bool writes_bytes;       /* as struct simulation has it */
    struct simulation_result result;
};

/* Loads and simulates; a failure of either is a failed assertion with its text. */
void world_run(struct world_run *world, const char *scenario_text);

/* The two halves of it, for tests that change the scenario in between. */
bool world_load(struct world_run *world, const char *scenario_text);
void world_simulate(struct world_run *world);

void world_close(struct world_run *world);

/* The record of a call by its printed id; NULL when there is none. */
const struct call_record *world_call(const struct world_run *world, const char *id);

/* Asserts that the timeline is exactly this, printing it when it is not. */
void world_expect(const struct world_run *world, const char *timeline);

/* A scenario of one or more calls: `client`, `chaos` (empty: none) and `load` are JSON texts of
 * those blocks. Two models: claude (anthropic) and gpt (openai-chat), first token after 100 ms,
 * then 10 tokens/s; latency 1 ms, connect 0. */
const char *world_text(const char *client, const char *chaos, const char *load);

#endif
