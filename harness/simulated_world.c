/* `sim`: the simulator's records straight into the evidence files and the judge. */

#include "worlds.h"

#include "engine/simulator.h"
#include "os/clock.h"
#include "os/signals.h"

struct watch {
    struct trial *trial;
    bool was_signalled;
    bool is_out_of_time;
};

static void take_call(void *context, const struct call_record *call)
{
    const struct watch *watch = context;

    trial_take_call(watch->trial, call);
}

static void take_journal(void *context, const struct journal_record *record)
{
    const struct watch *watch = context;

    evidence_files_journal(&watch->trial->files, record);
    judge_feed_journal(watch->trial->judge, record);
}

static void take_alert(void *context, const struct alert_record *record)
{
    const struct watch *watch = context;

    evidence_files_alert(&watch->trial->files, record);
    judge_feed_alert(watch->trial->judge, record);
}

static bool is_interrupted(void *context)
{
    struct watch *watch = context;
    const struct trial *trial = watch->trial;

    if (signals_take(trial->signals_fd) != 0)
        watch->was_signalled = true;
    if (clock_monotonic() >= nanos_add(trial->began_at, trial->options->max_time))
        watch->is_out_of_time = true;
    return watch->was_signalled || watch->is_out_of_time || trial->files.rc != RC_OK;
}

enum rc simulated_world(struct trial *trial, struct error *err)
{
    struct watch watch = {.trial = trial};
    struct simulation simulation = {
        .scenario = trial->prepared->scenario,
        .memory = memory_heap(),
        .context = &watch,
        .on_call = take_call,
        .on_journal = take_journal,
        .on_alert = take_alert,
        .monitor = trial->monitor,
        .is_interrupted = is_interrupted,
    };
    struct simulation_result result = {0};
    enum rc rc = simulate(&simulation, &result, err);

    trial->was_signalled = watch.was_signalled;
    trial->facts = (struct run_facts){
        .calls_planned = scenario_calls_count(trial->prepared->scenario),
        .cut_at = result.ended_at,
        .was_interrupted = result.was_interrupted,
        .has_journal = true,
        .journal_is_whole = rc == RC_OK,
        .is_simulated = true,
    };
    if (rc != RC_OK)
        return rc;
    if (trial->files.rc == RC_OK)
        return RC_OK;
    *err = trial->files.error;
    return err->rc;
}
