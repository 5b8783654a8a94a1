#include "judge/alert_laws.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "monitor/alert.h"
#include "tests/support/expect.h"
#include "tests/support/hearing.h"

/* The sample world, watched (sample_watch). One call per 100 ms, ending 2 s after it was due: the
 * 24th ends at 4.3 s, so that the breach is sure by 5 s. */

static struct hearing hearing;
static struct hearing control;
static bool has_control;

static void sample_with_budget(struct scenario *scenario)
{
    sample_scenario(scenario);
    sample_watch(scenario);
}

static void begin(const char *laws)
{
    sample_with_budget(&hearing.scenario);
    hearing_start(&hearing, laws, NULL);
}

static void tear_down(void)
{
    hearing_end(&hearing);
    if (has_control)
        hearing_end(&control);
    has_control = false;
}

static void feed(uint64_t from, uint64_t count)
{
    hearing_feed_calls(&hearing, from, count);
}

static void post(const char *key, nanos at)
{
    struct journal_record record = sample_post(key, at);

    judge_feed_journal(hearing.judge, &record);
}

/* As somebody else's program would post it. */
static void post_text(const char *text, nanos at)
{
    char key[ALERT_KEY_MAX];

    alert_guess_key(slice_of(text), key);
    post(key, at);
}

static const struct verdict_row *finish(const char *law)
{
    hearing_finish(&hearing);
    return hearing_row(&hearing, law);
}

static void expect_named(const struct verdict_row *row, const char *name, const char *text)
{
    EXPECT_U64(row->verdict, VERDICT_FAIL);
    CU_ASSERT_STRING_EQUAL(row->examples[0].call, name);
    CU_ASSERT_STRING_EQUAL(row->examples[0].text, text);
}

/* --- alert-timely ----------------------------------------------------------------------------- */

#define TIMELY "{\"alert-timely\": {\"within\": \"3s\"}}"

static void an_alert_within_its_time_holds(void)
{
    const struct verdict_row *row;

    begin(TIMELY);
    feed(0, 100);
    post("budget:tight:0", 8 * NANOS_S);
    row = finish("alert-timely");
    EXPECT_U64(row->verdict, VERDICT_PASS);
    EXPECT_U64(row->n, 1);
    CU_ASSERT_STRING_EQUAL(row->limit, "within 3 s");
    CU_ASSERT_STRING_EQUAL(row->value, "3 s late");
}

static void a_late_alert_breaks_alert_timely(void)
{
    begin(TIMELY);
    feed(0, 100);
    post("budget:tight:0", 8 * NANOS_S + NANOS_MS);
    expect_named(finish("alert-timely"), "budget:tight:0",
                 "came to any at 8.001 s; the budget was breached by 5.000 s, 3 s are allowed");
}

static void who_is_told_early_is_told_in_time(void)
{
    begin(TIMELY);
    feed(0, 100);
    post("budget:tight:0", 4300 * NANOS_MS);
    EXPECT_U64(finish("alert-timely")->verdict, VERDICT_PASS);
}

static void a_breach_that_nobody_is_told_of_is_another_laws_business(void)
{
    begin(TIMELY);
    feed(0, 100);
    EXPECT_U64(finish("alert-timely")->verdict, VERDICT_NOT_APPLICABLE);
}

static void without_a_breach_there_is_nothing_to_be_late_for(void)
{
    begin(TIMELY);
    feed(0, 10);
    post("budget:tight:0", 9 * NANOS_S);
    EXPECT_U64(finish("alert-timely")->verdict, VERDICT_NOT_APPLICABLE);
}

/* --- alerts of somebody else's program -------------------------------------------------------- */

static void a_foreign_alert_about_money_is_that_of_the_budget(void)
{
    begin(NULL);
    feed(0, 100);
    post_text("{\"text\": \"hourly spend is $0.11 of $0.10\"}", 5 * NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
}

static void a_foreign_alert_at_every_call_breaks_alert_once(void)
{
    char text[80];

    begin(NULL);
    feed(0, 100);
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "{\"text\": \"Budget exceeded: $0.%d\"}", 100 + i);
        post_text(text, 5 * NANOS_S + i * 10 * NANOS_MS);
    }
    expect_named(finish("alert-once"), "budget:tight:0",
                 "was posted to any 40 times, first at 5.000 s");
}

static void foreign_errors_are_told_apart_by_their_words(void)
{
    begin(NULL);
    feed(0, 10);
    post_text("{\"text\": \"claude failed: overloaded (call 17)\"}", NANOS_S);
    post_text("{\"text\": \"gpt failed: overloaded (call 18)\"}", 2 * NANOS_S);
    post_text("{\"text\": \"claude failed: overloaded (call 19)\"}", 11 * NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_PASS);
}

static void the_same_foreign_error_twice_in_a_cool_down_breaks_alert_once(void)
{
    const struct verdict_row *row;

    begin(NULL);
    feed(0, 10);
    post_text("{\"text\": \"claude failed: overloaded (call 17)\"}", NANOS_S);
    post_text("{\"text\": \"claude failed: overloaded (call 18)\"}", 2 * NANOS_S);
    row = finish("alert-once");
    EXPECT_U64(row->verdict, VERDICT_FAIL);
    CU_ASSERT(strncmp(row->examples[0].call, "error~", 6) == 0);
}

static void of_several_budgets_a_foreign_alert_names_none(void)
{
    sample_with_budget(&hearing.scenario);
    hearing.scenario.monitor.budgets[1] =
        (struct budget_rules){"wide", 10 * MONEY_USD, 60 * NANOS_S};
    hearing.scenario.monitor.budgets_count = 2;
    hearing_start(&hearing, NULL, NULL);
    feed(0, 10);
    post_text("{\"text\": \"over budget\"}", NANOS_S);
    EXPECT_U64(finish("alert-once")->verdict, VERDICT_INCONCLUSIVE);
}

static void words_say_what_a_foreign_alert_is_about(void)
{
    static const struct {
        const char *body, *kind;
    } bodies[] = {
        {"{\"text\":\"Daily COST is 12\"}", "?budget:"},
        {"{\"text\":\"$5 gone\"}", "?budget:"},
        {"{\"content\":\"request took 17 s\"}", "?slow:"},
        {"{\"content\":\"High token count: 9120\"}", "?tokens:"},
        {"{\"content\":\"API error\"}", "?error:"},
        {"", "?error:"},
    };
    char key[ALERT_KEY_MAX];
    enum alert_kind kind;
    uint64_t likeness;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        alert_guess_key(slice_of(bodies[i].body), key);
        CU_ASSERT(strncmp(key, bodies[i].kind, strlen(bodies[i].kind)) == 0);
        CU_ASSERT(alert_guess_read(slice_of(key), &kind, &likeness));
    }
    CU_ASSERT(!alert_guess_read(SLICE(""), &kind, &likeness));
    CU_ASSERT(!alert_guess_read(SLICE("?budget"), &kind, &likeness));
    CU_ASSERT(!alert_guess_read(SLICE("?money:0011223344556677"), &kind, &likeness));
    CU_ASSERT(!alert_guess_read(SLICE("budget:0011223344556677"), &kind, &likeness));
}

/* --- alert-out-of-band ------------------------------------------------------------------------ */

#define OUT_OF_BAND "{\"alert-out-of-band\": true}"

/* A rule that hits posts to hooks, and the run in which it does not. */
static const struct fault dead = {.kind = FAULT_STATUS, .status = 500};

static void with_dead_hook(struct scenario *scenario)
{
    sample_with_budget(scenario);
    scenario->has_control = true;
    scenario->chaos.rules_count = 1;
    scenario->chaos.rules[0] =
        (struct chaos_rule){.name = "dead", .share = 1.0, .sequence = &dead, .sequence_count = 1};
    strcpy(scenario->chaos.rules[0].match.provider, "hooks");
}

static void begin_both(const char *laws)
{
    with_dead_hook(&hearing.scenario);
    hearing_start(&hearing, laws, NULL);
    with_dead_hook(&control.scenario);
    hearing_start(&control, NULL, NULL);
    has_control = true;
    hearing_feed_calls(&control, 0, 100);
}

static void disturb_hook(void)
{
    struct journal_record record = sample_post("budget:tight:0", 5 * NANOS_S);

    record.status = 0;
    record.rule = 0;
    record.rules_matched = 1;
    judge_feed_journal(hearing.judge, &record);
}

static const struct verdict_row *compare(void)
{
    hearing_finish(&control);
    judge_set_control(hearing.judge, control.judge);
    return finish("alert-out-of-band");
}

static void feed_slower(nanos by)
{
    for (uint64_t i = 0; i < 100; i++) {
        struct call_record call = sample_call(i);

        call.ended_at += by;
        call.attempts[0].last_content_at += by;
        call.attempts[0].ended_at += by;
        hearing_feed(&hearing, &call);
    }
}

static void a_dead_hook_that_nobody_feels_holds(void)
{
    begin_both(OUT_OF_BAND);
    feed(0, 100);
    disturb_hook();
    EXPECT_U64(compare()->verdict, VERDICT_PASS);
}

static void a_dead_hook_that_makes_calls_slower_breaks_the_law(void)
{
    const struct verdict_row *row;

    begin_both(OUT_OF_BAND);
    feed_slower(500 * NANOS_MS);
    disturb_hook();
    row = compare();
    expect_named(row, "response", "p95 is 2.5 s, 2 s with a hook that works");
    CU_ASSERT_STRING_EQUAL(row->limit, "p95 + 5 %");
}

static void five_percent_are_allowed(void)
{
    begin_both(OUT_OF_BAND);
    feed_slower(95 * NANOS_MS);
    disturb_hook();
    EXPECT_U64(compare()->verdict, VERDICT_PASS);
}

static void a_dead_hook_that_costs_an_answer_breaks_the_law(void)
{
    struct call_record call = sample_call(99);

    begin_both(OUT_OF_BAND);
    feed(0, 99);
    call.outcome = OUTCOME_CANCELLED;
    slice_copy(SLICE("the hook did not answer"), call.error, sizeof(call.error));
    hearing_feed(&hearing, &call);
    disturb_hook();
    expect_named(compare(), "outcomes",
                 "1 of 100 calls were not useful; 0 of 100 with a hook that works");
}

static void without_a_post_to_the_dead_hook_nobody_can_tell(void)
{
    begin_both(OUT_OF_BAND);
    feed(0, 100);
    EXPECT_U64(compare()->verdict, VERDICT_INCONCLUSIVE);
}

static void without_a_control_run_the_law_does_not_apply(void)
{
    begin(OUT_OF_BAND);
    feed(0, 100);
    EXPECT_U64(finish("alert-out-of-band")->verdict, VERDICT_NOT_APPLICABLE);
}

/* A program's calls end, for the mock, before it posts: its caller waits all the same. */
static void of_a_command_without_a_log_the_whole_time_is_compared(void)
{
    with_dead_hook(&hearing.scenario);
    hearing.scenario.subject = SUBJECT_EXEC;
    hearing_start(&hearing, OUT_OF_BAND, NULL);
    with_dead_hook(&control.scenario);
    hearing_start(&control, NULL, NULL);
    has_control = true;
    feed(0, 1);
    disturb_hook();
    hearing.facts.command_took = 9850 * NANOS_MS;
    control.facts.command_took = 2500 * NANOS_MS;
    expect_named(compare(), "the command", "it took 9.85 s, 2.5 s with a hook that works");
}

static void a_command_that_starts_a_little_later_holds(void)
{
    with_dead_hook(&hearing.scenario);
    hearing.scenario.subject = SUBJECT_EXEC;
    hearing_start(&hearing, OUT_OF_BAND, NULL);
    with_dead_hook(&control.scenario);
    hearing_start(&control, NULL, NULL);
    has_control = true;
    feed(0, 1);
    disturb_hook();
    hearing.facts.command_took = 3125 * NANOS_MS;
    control.facts.command_took = 2500 * NANOS_MS;
    EXPECT_U64(compare()->verdict, VERDICT_PASS);
}

/* --- secrets-kept ----------------------------------------------------------------------------- */

static void a_key_in_a_body_breaks_secrets_kept(void)
{
    struct journal_record record = sample_post("error:0", NANOS_S);

    begin("{\"secrets-kept\": true}");
    hearing.facts.has_canaries = true;
    feed(0, 10);
    record.has_canary = true;
    judge_feed_journal(hearing.judge, &record);
    expect_named(finish("secrets-kept"), "requests",
                 "a key stands in 1 requests or posts, where no key belongs");
}

static void a_key_in_the_log_breaks_secrets_kept(void)
{
    begin("{\"secrets-kept\": true}");
    hearing.facts.has_canaries = true;
    hearing.facts.log_lines = 10;
    hearing.facts.log_leaking = 3;
    feed(0, 10);
    EXPECT_U64(finish("secrets-kept")->violations, 3);
}

static CU_TestInfo tests[] = {
    {"an alert within its time holds", an_alert_within_its_time_holds},
    {"a late alert breaks alert-timely", a_late_alert_breaks_alert_timely},
    {"who is told early is told in time", who_is_told_early_is_told_in_time},
    {"a breach that nobody is told of is another law's business",
     a_breach_that_nobody_is_told_of_is_another_laws_business},
    {"without a breach there is nothing to be late for",
     without_a_breach_there_is_nothing_to_be_late_for},
    {"a foreign alert about money is that of the budget",
     a_foreign_alert_about_money_is_that_of_the_budget},
    {"a foreign alert at every call breaks alert-once",
     a_foreign_alert_at_every_call_breaks_alert_once},
    {"foreign errors are told apart by their words", foreign_errors_are_told_apart_by_their_words},
    {"the same foreign error twice in a cool-down breaks alert-once",
     the_same_foreign_error_twice_in_a_cool_down_breaks_alert_once},
    {"of several budgets a foreign alert names none",
     of_several_budgets_a_foreign_alert_names_none},
    {"words say what a foreign alert is about", words_say_what_a_foreign_alert_is_about},
    {"a dead hook that nobody feels holds", a_dead_hook_that_nobody_feels_holds},
    {"a dead hook that makes calls slower breaks the law",
     a_dead_hook_that_makes_calls_slower_breaks_the_law},
    {"five percent are allowed", five_percent_are_allowed},
    {"a dead hook that costs an answer breaks the law",
     a_dead_hook_that_costs_an_answer_breaks_the_law},
    {"without a post to the dead hook nobody can tell",
     without_a_post_to_the_dead_hook_nobody_can_tell},
    {"without a control run the law does not apply", without_a_control_run_the_law_does_not_apply},
    {"of a command without a log the whole time is compared",
     of_a_command_without_a_log_the_whole_time_is_compared},
    {"a command that starts a little later holds", a_command_that_starts_a_little_later_holds},
    {"a key in a body breaks secrets-kept", a_key_in_a_body_breaks_secrets_kept},
    {"a key in the log breaks secrets-kept", a_key_in_the_log_breaks_secrets_kept},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo alert_laws_suite = {"alert laws", NULL, NULL, NULL, tear_down, tests};
