/* Each law, broken by a client that is wrong in one way on purpose: by its policy where a policy
 * can be that wrong, else by a hand on its records (it takes any end for an answer, forgets a call,
 * ...). The law must fail, name the call, and be the only one that does. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "judge/judge.h"
#include "tests/support/expect.h"
#include "tests/support/world.h"

#define LOAD_FOR(deadline)                                                            \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"drain\": \"1h\", \"deadline\": \"" deadline "\","     \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"2s\"}]}"

#define FAULT(fault)                                                                             \
    "[{\"phase\": \"bad\", \"at\": \"0s\", \"for\": \"1h\", \"match\": {\"model\": \"claude\"}," \
    " \"fault\": " fault "}]"

#define LAWS                                                                \
    ", \"laws\": {\"set\": \"strict\", \"attempts-bounded\": {\"max\": 4}," \
    " \"fallback-eligible\": {\"to\": \"gpt\", \"after\": 1},"              \
    " \"fallback-ordered\": {\"order\": [\"claude\", \"gpt\"]}}"

/* Does something to a record before it is handed in; false: it is not handed in at all. */
typedef bool spoil(struct call_record *call);

static struct world_run world;
static struct judge *judge;

static bool leave_alone(struct call_record *call)
{
    (void)call;
    return true;
}

static void hand_in(spoil *spoil_record, bool doubled)
{
    struct error err;

    CU_ASSERT_EQUAL_FATAL(judge_new(&judge, world.scenario, memory_heap(), &err), RC_OK);
    for (uint32_t i = 0; i < world.journal_count; i++)
        judge_feed_journal(judge, &world.journal[i]);
    for (uint32_t i = 0; i < world.calls_count; i++) {
        struct call_record call = world.calls[i];

        if (!spoil_record(&call))
            continue;
        judge_feed_call(judge, &call);
        if (doubled)
            judge_feed_call(judge, &call);
    }
    judge_finish(judge, &(struct run_facts){.calls_planned = scenario_calls_count(world.scenario),
                                            .cut_at = world.result.ended_at,
                                            .has_journal = true,
                                            .journal_is_whole = true,
                                            .is_simulated = true});
}

/* `load` ends with the closing brace of the block; the laws come behind it. */
static void play(const char *client, const char *chaos, const char *load)
{
    char load_and_laws[4096];

    snprintf(load_and_laws, sizeof(load_and_laws), "%s%s", load, LAWS);
    world_run(&world, world_text(client, chaos, load_and_laws));
}

static void expect_only(const char *law)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);
    bool was_broken = false;

    for (uint32_t i = 0; i < count; i++) {
        bool is_it = strcmp(rows[i].name, law) == 0;

        was_broken |= is_it && rows[i].verdict == VERDICT_FAIL;
        if (is_it)
            CU_ASSERT(rows[i].examples_count > 0);
        if (!is_it && rows[i].verdict == VERDICT_FAIL) {
            fprintf(stderr, "\n%s fails too: %s: %s\n", rows[i].name, rows[i].examples[0].call,
                    rows[i].examples[0].text);
            CU_FAIL("another law failed");
        }
    }
    CU_ASSERT(was_broken);
    EXPECT_I64(judge_verdict(judge), VERDICT_FAIL);
}

static void tear_down(void)
{
    judge_free(judge);
    judge = NULL;
    world_close(&world);
}

#define CAREFUL \
    "{\"preset\": \"careful\", \"fallback\": [{\"on\": [529], \"after\": 1, \"to\": \"gpt\"}]}"

static void the_careful_client_breaks_none(void)
{
    play(CAREFUL, FAULT("{\"status\": 529}"), LOAD_FOR("10s"));
    hand_in(leave_alone, false);
    EXPECT_I64(judge_verdict(judge), VERDICT_PASS);
}

static void too_many_attempts(void)
{
    play("{\"preset\": \"careful\", \"retry\": {\"attempts\": 6, \"backoff\": {\"base\": "
         "\"10ms\"}}}",
         FAULT("{\"status\": 500}"), LOAD_FOR("10s"));
    hand_in(leave_alone, false);
    expect_only("attempts-bounded");
}

static void deaf_to_advice(void)
{
    play("{\"preset\": \"careful\", \"retry\": {\"advice\": \"ignore\"}}",
         FAULT("{\"status\": 429, \"retry_after\": \"20s\"}"), LOAD_FOR("30s"));
    hand_in(leave_alone, false);
    expect_only("advice-heeded");
}

static void retries_what_no_retry_can_mend(void)
{
    play("{\"preset\": \"careful\", \"retry\": {\"on\": [\"context_length\"], \"attempts\": 2}}",
         FAULT("{\"context_window\": 5}"), LOAD_FOR("10s"));
    hand_in(leave_alone, false);
    expect_only("permanent-not-retried");
}

/* The client has no limits, and the tokens come slowly for ever. */
static void knows_no_deadline(void)
{
    play("{\"preset\": \"none\"}", FAULT("{\"slow_tokens\": 50}"), LOAD_FOR("1s"));
    hand_in(leave_alone, false);
    expect_only("deadline-kept");
}

static void waits_in_silence(void)
{
    play("{\"preset\": \"none\"}", FAULT("{\"late_first_token\": \"5min\"}"), LOAD_FOR("10min"));
    hand_in(leave_alone, false);
    expect_only("no-hang");
}

static void never_falls_back(void)
{
    play("{\"preset\": \"careful\", \"retry\": {\"attempts\": 2}}", FAULT("{\"status\": 529}"),
         LOAD_FOR("10s"));
    hand_in(leave_alone, false);
    expect_only("fallback-eligible");
}

/* The order wants claude, then gpt; this client ends on gpt and goes back. */
static void goes_back_to_a_model_it_left(void)
{
    play(CAREFUL, FAULT("{\"status\": 529}"), LOAD_FOR("10s"));
    for (uint32_t i = 0; i < world.calls_count; i++) {
        struct call_record *call = &world.calls[i];

        call->attempts[call->attempts_count] = call->attempts[0];
        call->attempts[call->attempts_count].ordinal = call->attempts_count + 1;
        call->attempts[call->attempts_count].sent_at = NANOS_NEVER; /* and never got through */
        call->attempts_count++;
    }
    hand_in(leave_alone, false);
    expect_only("fallback-ordered");
}

static bool take_any_end_for_an_answer(struct call_record *call)
{
    if (call->outcome == OUTCOME_TRUNCATED) {
        call->outcome = OUTCOME_OK;
        call->error[0] = '\0';
        call->attempts[call->attempts_count - 1].outcome = OUTCOME_OK;
    }
    return true;
}

static void takes_any_end_for_an_answer(void)
{
    play("{\"preset\": \"none\"}", FAULT("{\"cut\": {\"after_tokens\": 2, \"by\": \"end\"}}"),
         LOAD_FOR("10s"));
    hand_in(take_any_end_for_an_answer, false);
    expect_only("complete-answers");
}

static bool forget_why(struct call_record *call)
{
    call->error[0] = '\0';
    return true;
}

static void logs_a_failure_without_its_reason(void)
{
    play("{\"preset\": \"none\"}", FAULT("{\"status\": 500}"), LOAD_FOR("10s"));
    hand_in(forget_why, false);
    expect_only("log-complete");
}

/* Forgetting or doubling a call breaks two laws by their own words: there is not exactly one
 * outcome, and not exactly one line. */
static void expect_outcome_and_log_broken(void)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    for (uint32_t i = 0; i < count; i++) {
        bool is_it =
            strcmp(rows[i].name, "one-outcome") == 0 || strcmp(rows[i].name, "log-complete") == 0;

        EXPECT_I64(rows[i].verdict == VERDICT_FAIL, is_it);
    }
}

static bool forget_the_first(struct call_record *call)
{
    return call->id.index != 0;
}

static void forgets_a_call(void)
{
    play("{\"preset\": \"none\"}", "", LOAD_FOR("10s"));
    hand_in(forget_the_first, false);
    expect_outcome_and_log_broken();
}

static void ends_a_call_twice(void)
{
    play("{\"preset\": \"none\"}", "", LOAD_FOR("10s"));
    hand_in(leave_alone, true);
    expect_outcome_and_log_broken();
}

static CU_TestInfo tests[] = {
    {"the careful client breaks none", the_careful_client_breaks_none},
    {"too many attempts break attempts-bounded", too_many_attempts},
    {"deaf to advice breaks advice-heeded", deaf_to_advice},
    {"retrying what no retry can mend breaks permanent-not-retried",
     retries_what_no_retry_can_mend},
    {"knowing no deadline breaks deadline-kept", knows_no_deadline},
    {"waiting in silence breaks no-hang", waits_in_silence},
    {"never falling back breaks fallback-eligible", never_falls_back},
    {"going back to a model it left breaks fallback-ordered", goes_back_to_a_model_it_left},
    {"taking any end for an answer breaks complete-answers", takes_any_end_for_an_answer},
    {"logging a failure without its reason breaks log-complete", logs_a_failure_without_its_reason},
    {"forgetting a call breaks one-outcome", forgets_a_call},
    {"ending a call twice breaks one-outcome", ends_a_call_twice},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo broken_client_suite = {"broken_client", NULL, NULL, NULL, tear_down, tests};
