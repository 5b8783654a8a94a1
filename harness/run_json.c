#include "run_json.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/version.h"
#include "crew.h"
#include "engine/simulator.h"
#include "judge/facts.h"
#include "os/clock.h"
#include "report/json.h"
#include "wire/json.h"

enum { FORMAT = 2, JUDGEMENT_BYTES_MAX = 4 << 20 };

static void write_key(struct buffer *out, const char *key)
{
    buffer_printf(out, ",\n  \"%s\": ", key);
}

static void write_text(struct buffer *out, const char *key, const char *text)
{
    write_key(out, key);
    json_write_text(out, slice_of(text));
}

static void write_started(const struct trial *trial, struct buffer *out)
{
    time_t seconds = (time_t)(trial->began_unix_ns / NANOS_S);
    struct tm utc;
    char text[32];

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    write_text(out, "started", text);
}

static void write_machine(struct buffer *out)
{
    struct utsname name;

    write_key(out, "machine");
    if (uname(&name) != 0) {
        buffer_text(out, "null");
        return;
    }
    buffer_text(out, "{\"system\": ");
    json_write_text(out, slice_of(name.sysname));
    buffer_text(out, ", \"release\": ");
    json_write_text(out, slice_of(name.release));
    buffer_text(out, ", \"hardware\": ");
    json_write_text(out, slice_of(name.machine));
    buffer_printf(out, ", \"cores\": %ld}", sysconf(_SC_NPROCESSORS_ONLN));
}

/* Whose clock the instants are of: run time 0 in wall time, and which boot the monotonic one
 * counts. */
static void write_clock(const struct trial *trial, struct buffer *out)
{
    char boot_id[40];

    write_key(out, "clock");
    if (trial->facts.is_simulated) {
        buffer_printf(out, "{\"kind\": \"virtual\", \"t0_unix_ns\": %lld}",
                      (long long)SIMULATOR_WALL_UNIX_NS);
        return;
    }
    clock_boot_id(boot_id);
    buffer_printf(out,
                  "{\"kind\": \"monotonic\", \"t0_unix_ns\": %lld, \"t0_monotonic_ns\": %lld, "
                  "\"boot_id\": ",
                  (long long)trial->t0_unix_ns, (long long)trial->t0);
    json_write_text(out, slice_of(boot_id));
    buffer_text(out, "}");
}

static void write_driver(const struct trial *trial, struct buffer *out)
{
    write_key(out, "driver");
    buffer_printf(
        out,
        "{\"workers\": %u, \"lanes\": %u, \"connections_opened\": %llu, "
        "\"resends_refused\": %llu, \"ring_waits\": %llu}",
        trial->facts.is_simulated ? 1
                                  : crew_size(trial->prepared->scenario, trial->options->workers),
        trial->driver.lanes, (unsigned long long)trial->driver.connections_opened,
        (unsigned long long)trial->driver.resends_refused, (unsigned long long)trial->ring_waits);
}

static void write_problem(const struct error *problem, struct buffer *out)
{
    write_key(out, "problem");
    if (problem == NULL)
        buffer_text(out, "null");
    else
        json_write_text(out, slice_of(problem->text));
}

static void write_facts(const struct trial *trial, struct buffer *out)
{
    struct evidence_facts evidence = evidence_files_facts(&trial->files, trial->prepared->portable);

    evidence.control = trial->control != NULL ? trial->control->json_checksum : 0;
    write_key(out, "facts");
    run_facts_write(trial->prepared->scenario, &trial->facts, judge_figures(trial->judge), out);
    write_key(out, "evidence");
    evidence_facts_write(&evidence, out);
}

/* The judgement's members stand among ours: its object without the braces. */
static void write_judgement(const struct trial *trial, nanos took, struct buffer *out)
{
    const struct report_facts facts = trial_facts(trial, NULL, took);
    struct buffer judgement;
    struct slice members;

    buffer_init(&judgement, memory_heap(), JUDGEMENT_BYTES_MAX);
    report_json(trial->prepared->scenario, trial->judge, &facts, &judgement);
    members = slice_trim(buffer_slice(&judgement));
    if (members.size > 2) {
        members = slice_trim((struct slice){members.data + 1, members.size - 2});
        buffer_text(out, ",\n  ");
        buffer_append(out, members);
    }
    if (judgement.rc != RC_OK)
        out->rc = judgement.rc;
    buffer_deinit(&judgement);
}

void run_json_write(const struct trial *trial, const struct error *problem, nanos took,
                    struct buffer *out)
{
    const struct scenario *scenario = trial->prepared->scenario;

    buffer_printf(out, "{\n  \"format\": %d", FORMAT);
    write_text(out, "brownout", BROWNOUT_VERSION);
    write_started(trial, out);
    write_problem(problem, out);
    write_key(out, "seed");
    buffer_u64(out, scenario->seed);
    write_text(out, "generator", RNG_NAME);
    write_machine(out);
    write_clock(trial, out);
    write_driver(trial, out);
    write_facts(trial, out);
    write_judgement(trial, took, out);
    write_key(out, "scenario_text");
    json_write_text(out, scenario->text);
    run_json_seal(out);
    buffer_text(out, "\n}\n");
}
