#include "judge/law.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/hearing.h"

/* Laws where the subject is not our client: a command of which only the mock's journal and perhaps
 * its own log tell, and a service that our driver asks. */

static struct hearing hearing;

static struct slice log_file; /* of a command; empty: it has none */

static void tear_down(void)
{
    hearing_end(&hearing);
    log_file = (struct slice){0};
}

static void begin(enum subject subject, const char *laws, const char *expectation)
{
    static const struct load_part calls = {.name = "call", .kind = PART_FOREIGN};

    sample_scenario(&hearing.scenario);
    hearing.scenario.subject = subject;
    hearing.scenario.subject_rules.exec.log_file = log_file;
    if (subject == SUBJECT_EXEC) {
        hearing.scenario.load.parts[0] = calls;
        hearing.scenario.load.lasts = NANOS_NEVER;
    }
    hearing_start(&hearing, laws, expectation);
    CU_ASSERT_STRING_EQUAL(hearing.err.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(hearing.judge);
}

static const struct verdict_row *row(const char *law)
{
    return hearing_row(&hearing, law);
}

static void expect_verdict(const char *law, const char *verdict)
{
    CU_ASSERT_STRING_EQUAL(verdict_word(row(law)->verdict), verdict);
}

static void expect_row(const char *law, const char *verdict, const char *reason)
{
    expect_verdict(law, verdict);
    CU_ASSERT_STRING_EQUAL(row(law)->reason, reason);
}

static void expect_broken(const char *law, const char *why)
{
    expect_verdict(law, "fail");
    CU_ASSERT_STRING_EQUAL(row(law)->examples[0].text, why);
}

static bool is_listed(const char *law)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(hearing.judge, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, law) == 0)
            return true;
    return false;
}

/* A call of a program, as its requests show it: it failed, and was tried again `retries` times, 1 s
 * apart, at last with success. */
static struct call_record retried(uint32_t retries)
{
    struct call_record call = sample_call(100);

    call.key = KEY_MARKER;
    for (uint32_t i = 0; i < retries; i++) {
        sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + (nanos)i * NANOS_S + 1);
        sample_retry(&call, SAMPLE_CLAUDE, call.due_at + (nanos)(i + 1) * NANOS_S);
    }
    return call;
}

static void judge_command(const char *laws, const struct call_record *call)
{
    begin(SUBJECT_EXEC, laws, NULL);
    hearing_feed(&hearing, call);
    hearing.facts.has_caller = call->has_account;
    hearing_finish(&hearing);
}

/* --- a command without a log ------------------------------------------------------------------ */

static void a_command_is_held_against_the_essential_laws(void)
{
    struct call_record call = sample_call(100);

    judge_command(NULL, &call);
    CU_ASSERT_TRUE(is_listed("attempts-bounded"));
    CU_ASSERT_TRUE(is_listed("requests-arrived"));
    CU_ASSERT_FALSE(is_listed("deadline-kept"));
    CU_ASSERT_FALSE(is_listed("no-repeated-output"));
    CU_ASSERT_FALSE(is_listed("command-succeeded"));
}

static void judge_logging_command(const char *laws)
{
    struct call_record call = sample_call(100);

    log_file = SLICE("app.log");
    call.has_account = true;
    judge_command(laws, &call);
}

static void a_log_that_is_given_is_judged_by_the_essential_laws_too(void)
{
    static const char *const laws[] = {"log-complete", "tokens-agree", "cost-agree",
                                       "deadline-kept"};

    judge_logging_command("{\"attempts-bounded\": {\"max\": 3}}");
    for (size_t i = 0; i < ARRAY_SIZE(laws); i++)
        CU_ASSERT_TRUE(is_listed(laws[i]));
    CU_ASSERT_FALSE(is_listed("percentiles-agree"));
}

static void a_set_that_is_named_stays_as_it_is_beside_a_log(void)
{
    judge_logging_command("{\"set\": \"essential\", \"tokens-agree\": true}");
    CU_ASSERT_TRUE(is_listed("tokens-agree"));
    CU_ASSERT_FALSE(is_listed("log-complete"));
    CU_ASSERT_FALSE(is_listed("deadline-kept"));
}

static void a_log_that_could_not_be_read_is_said_once(void)
{
    struct call_record call = sample_call(100);

    log_file = SLICE("app.log");
    begin(SUBJECT_EXEC, NULL, NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.has_caller = hearing.facts.has_canaries = true;
    strcpy(hearing.facts.log_lost, "the application's log: app.log: Is a directory");
    hearing_finish(&hearing);
    expect_row("log-complete", "inconclusive", "the application's log: app.log: Is a directory");
    expect_row("tokens-agree", "n/a", "needs the application's log, which could not be read");
    expect_row("secrets-kept", "inconclusive", "the application's log could not be read");
    expect_verdict("attempts-bounded", "pass");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

static void a_log_that_could_not_be_read_lets_nothing_pass_that_names_no_law_about_it(void)
{
    struct call_record call = sample_call(100);

    begin(SUBJECT_EXEC, "{\"set\": \"essential\", \"secrets-kept\": false}", NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.has_caller = true;
    strcpy(hearing.facts.log_lost, "the application's log: app.log: Is a directory");
    hearing_finish(&hearing);
    expect_row("one-outcome", "n/a", "the application's log: app.log: Is a directory");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

static void what_only_the_application_knows_does_not_apply_without_its_log(void)
{
    static const char *const laws[] = {"one-outcome",  "complete-answers", "deadline-kept",
                                       "log-complete", "tokens-agree",     "cost-agree"};
    struct call_record call = sample_call(100);

    judge_command("{\"set\": \"strict\"}", &call);
    for (size_t i = 0; i < ARRAY_SIZE(laws); i++)
        expect_row(laws[i], "n/a", "needs the application's own account: brownout exec --log FILE");
    expect_row("schedule-kept", "n/a", "the command made its calls when it liked");
    expect_verdict("percentiles-agree", "n/a");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_PASS);
}

static void the_journal_alone_shows_too_many_attempts(void)
{
    struct call_record call = retried(8);

    judge_command(NULL, &call);
    expect_broken("attempts-bounded",
                  "9 attempts (8 x 529 overloaded, 200 ok); at most 5 are allowed (at 10.000 s)");
    CU_ASSERT_STRING_EQUAL(row("attempts-bounded")->examples[0].call, "call:100");
}

static void the_journal_alone_shows_a_permanent_refusal_retried(void)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, OUTCOME_INVALID_REQUEST, 400, call.due_at + NANOS_MS);
    sample_retry(&call, SAMPLE_CLAUDE, call.due_at + NANOS_S);
    judge_command(NULL, &call);
    expect_broken("permanent-not-retried",
                  "attempt 2 asked claude-sonnet-4-5 again, 1 s after its 400 invalid_request (at "
                  "10.000 s)");
}

static void the_journal_alone_shows_advice_not_heeded(void)
{
    struct call_record call = retried(1);
    struct journal_record record;

    begin(SUBJECT_EXEC, NULL, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        record = sample_journal(&hearing.scenario, &call, i);
        record.advice_wait = i == 0 ? 20 * NANOS_S : 0;
        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, &call);
    hearing_finish(&hearing);
    expect_broken("advice-heeded",
                  "attempt 2 came 1 s after a 529 that asked for 20 s (at 10.000 s)");
}

static void the_journal_alone_shows_a_fallback_that_was_not_taken(void)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_MS);
    judge_command("{\"fallback-eligible\": {\"to\": \"gpt-4o\"}, \"fallback-ordered\": {\"order\": "
                  "[\"gpt-4o\", \"claude-sonnet-4-5\"]}}",
                  &call);
    expect_broken("fallback-eligible",
                  "met 529 overloaded at attempt 1; never tried gpt-4o, ended as overloaded (at "
                  "10.000 s)");
    expect_verdict("fallback-ordered", "pass");
}

static void the_journal_alone_shows_how_long_a_program_put_up_with_silence(void)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, OUTCOME_CANCELLED, 0, call.due_at + 200 * NANOS_S);
    judge_command(NULL, &call);
    expect_broken("no-hang", "attempt 1 at claude-sonnet-4-5 was silent for 200 s; 120 s are "
                             "allowed (at 10.000 s)");
}

static void an_open_call_of_a_program_is_not_forgotten(void)
{
    struct call_record call = sample_call(700);

    call.outcome = call.attempts[0].outcome = OUTCOME_UNFINISHED;
    call.ended_at = call.attempts[0].ended_at = NANOS_NEVER;
    judge_command(NULL, &call);
    expect_verdict("no-hang", "pass");
}

static void a_journal_that_broke_off_proves_nothing(void)
{
    struct call_record call = sample_call(100);

    begin(SUBJECT_EXEC, NULL, NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.journal_is_whole = false;
    hearing_finish(&hearing);
    expect_row("no-hang", "inconclusive", "the journal broke off before its end");
    expect_verdict("attempts-bounded", "inconclusive");
}

/* --- doubt ------------------------------------------------------------------------------------ */

static void what_a_doubtful_call_sent_too_often_stands(void)
{
    struct call_record call = retried(8);

    call.is_doubtful = true;
    judge_command(NULL, &call);
    expect_verdict("attempts-bounded", "fail");
    EXPECT_U64(judge_figures(hearing.judge)->doubtful, 1);
}

static void what_a_doubtful_call_lacks_says_nothing(void)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_MS);
    call.is_doubtful = true;
    judge_command("{\"fallback-eligible\": {\"to\": \"gpt-4o\"}}", &call);
    expect_row("fallback-eligible", "inconclusive",
               "1 call is doubtful: further requests may be its own. Each call with a prompt or "
               "marker \xE2\x9F\xA6k1\xE2\x9F\xA7 of its own would tell (docs/evidence.md)");
    expect_verdict("attempts-bounded", "inconclusive");
}

/* --- a command with a log --------------------------------------------------------------------- */

static struct call_record logged(uint64_t index)
{
    struct call_record call = sample_call(index);

    call.has_account = true;
    return call;
}

static void a_log_lets_its_lines_be_judged(void)
{
    struct call_record call = logged(100);

    judge_command("{\"set\": \"strict\"}", &call);
    expect_verdict("one-outcome", "pass");
    expect_verdict("complete-answers", "pass");
    expect_verdict("deadline-kept", "pass");
    expect_verdict("log-complete", "pass");
    expect_verdict("tokens-agree", "pass");
    expect_verdict("cost-agree", "pass");
}

static void a_log_that_counts_other_tokens_is_told_so(void)
{
    struct call_record call = logged(100);

    call.usage.output_tokens = 119;
    judge_command("{\"set\": \"strict\"}", &call);
    expect_broken("tokens-agree",
                  "the log counts 800 in, 119 out; the mock told 800 in, 120 out (at 10.000 s)");
}

static void a_log_without_counts_leaves_them_unknown(void)
{
    struct call_record call = logged(100);

    call.usage = (struct usage){0};
    call.cost_unknown = 1;
    judge_command("{\"set\": \"strict\"}", &call);
    expect_verdict("tokens-agree", "n/a");
    expect_verdict("cost-agree", "n/a");
}

static void a_log_may_round_its_costs(void)
{
    struct call_record call = logged(100);

    call.cost = SAMPLE_CLAUDE_COST + 3;
    judge_command("{\"set\": \"strict\"}", &call);
    expect_verdict("cost-agree", "pass");
}

/* Cut in the middle, asked again: the first attempt was paid for, too. */
static void a_log_may_count_every_attempt(void)
{
    struct call_record call = logged(100);
    struct journal_record record;

    sample_fail(&call, OUTCOME_TRUNCATED, 200, call.due_at + NANOS_S);
    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    begin(SUBJECT_EXEC, "{\"set\": \"strict\"}", NULL);
    for (uint32_t i = 0; i < 2; i++) {
        record = sample_journal(&hearing.scenario, &call, i);
        record.usage_told = call.usage;
        judge_feed_journal(hearing.judge, &record);
    }
    call.cost = 2 * SAMPLE_CLAUDE_COST;
    call.cost_unknown = 0;
    judge_feed_call(hearing.judge, &call);
    hearing.facts.has_caller = true;
    hearing_finish(&hearing);
    expect_verdict("cost-agree", "pass");
}

static void a_log_that_doubles_its_costs_is_told_so(void)
{
    struct call_record call = logged(100);

    call.cost = 2 * SAMPLE_CLAUDE_COST;
    judge_command("{\"set\": \"strict\"}", &call);
    expect_broken("cost-agree",
                  "the log says $0.0084; what the mock told costs $0.0042 (at 10.000 s)");
}

static void a_log_that_calls_a_cut_answer_good_is_told_so(void)
{
    struct call_record call = logged(100);
    struct journal_record record;

    begin(SUBJECT_EXEC, NULL, NULL);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.is_complete = false;
    record.tokens_written = 27;
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.has_caller = true;
    hearing_finish(&hearing);
    expect_broken("complete-answers",
                  "reported ok, but the mock broke attempt 1 off after 27 tokens (at 10.000 s)");
}

static void feed_logged_and_unlogged(void)
{
    struct call_record call = logged(100);

    begin(SUBJECT_EXEC, "{\"set\": \"strict\"}", NULL);
    hearing_feed(&hearing, &call);
    call = sample_call(101);
    hearing_feed(&hearing, &call);
    hearing.facts.has_caller = true;
    hearing.facts.log_lines = 1;
}

static void a_call_without_a_line_breaks_log_complete(void)
{
    feed_logged_and_unlogged();
    hearing_finish(&hearing);
    expect_broken("log-complete", "no line of the log tells of it, ended as ok (at 10.100 s)");
    EXPECT_U64(row("log-complete")->n, 2);
    EXPECT_U64(row("one-outcome")->n, 1);
}

static void a_line_that_names_no_call_may_be_any_calls(void)
{
    feed_logged_and_unlogged();
    hearing.facts.log_lines = 2;
    hearing.facts.log_strangers = 1;
    hearing_finish(&hearing);
    expect_row("log-complete", "inconclusive",
               "1 call without a line, 1 line of no known call (--map id=/POINTER)");
}

static void a_line_that_cannot_be_read_breaks_log_complete(void)
{
    struct call_record call = logged(100);

    begin(SUBJECT_EXEC, "{\"log-complete\": true}", NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.has_caller = true;
    hearing.facts.log_lines = 4;
    hearing.facts.log_malformed = 3;
    hearing_finish(&hearing);
    expect_broken("log-complete", "3 lines cannot be read, of 4");
    CU_ASSERT_STRING_EQUAL(row("log-complete")->examples[0].call, "the log");
}

static void a_pointer_that_no_line_has_proves_no_log_complete(void)
{
    struct call_record call = logged(100);

    begin(SUBJECT_EXEC, "{\"log-complete\": true}", NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.has_caller = true;
    hearing.facts.log_lines = 1;
    strcpy(hearing.facts.log_unmapped, "--map id=/nope: none of 1 line has it");
    hearing_finish(&hearing);
    expect_row("log-complete", "inconclusive", "--map id=/nope: none of 1 line has it");
}

/* --- the command itself ----------------------------------------------------------------------- */

static void judge_exit(int code)
{
    struct call_record call = sample_call(100);

    begin(SUBJECT_EXEC, "{\"command-succeeded\": true}", NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.has_command = true;
    hearing.facts.command_exit = code;
    hearing_finish(&hearing);
}

static void a_commands_exit_counts_where_it_is_asked_for(void)
{
    judge_exit(0);
    expect_verdict("command-succeeded", "pass");
    hearing_end(&hearing);
    judge_exit(3);
    expect_verdict("command-succeeded", "fail");
    CU_ASSERT_STRING_EQUAL(row("command-succeeded")->value, "exited 3");
    hearing_end(&hearing);
    judge_exit(139);
    CU_ASSERT_STRING_EQUAL(row("command-succeeded")->value, "exited 139 (signal 11)");
}

static void without_a_command_none_succeeds(void)
{
    struct call_record call = sample_call(100);

    judge_command("{\"command-succeeded\": true}", &call);
    expect_row("command-succeeded", "n/a", "no command was run");
    hearing_end(&hearing);
    hearing_begin(&hearing, "{\"command-succeeded\": true}", NULL);
    hearing_finish(&hearing);
    expect_row("command-succeeded", "n/a", "needs a command: brownout exec");
}

/* --- conditions ------------------------------------------------------------------------------- */

static void nothing_that_arrived_is_inconclusive(void)
{
    begin(SUBJECT_EXEC, NULL, NULL);
    hearing_finish(&hearing);
    expect_row("requests-arrived", "inconclusive", "nothing asked the mock for anything");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
    hearing_end(&hearing);
    begin(SUBJECT_EXEC, NULL, NULL);
    strcpy(hearing.facts.lost, "nothing arrived, though OPENAI_BASE_URL was set");
    hearing_finish(&hearing);
    expect_row("requests-arrived", "inconclusive",
               "nothing arrived, though OPENAI_BASE_URL was set");
}

static void an_unknown_path_is_inconclusive(void)
{
    struct call_record call = sample_call(100);
    struct journal_record record;

    begin(SUBJECT_EXEC, NULL, NULL);
    hearing_feed(&hearing, &call);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.number++;
    record.call[0] = '\0';
    record.kind = JOURNAL_UNKNOWN;
    record.status = 404;
    judge_feed_journal(hearing.judge, &record);
    hearing_finish(&hearing);
    expect_row("paths-known", "inconclusive",
               "1 of 2 requests asked for a path that the mock has not: the base URL may lack a "
               "suffix such as /v1, or have one too many (docs/base-urls.md)");
    expect_verdict("requests-arrived", "pass");
}

/* --- waivers ---------------------------------------------------------------------------------- */

static void judge_waived(const char *today)
{
    struct call_record call = retried(8);

    begin(SUBJECT_EXEC,
          "{\"attempts-bounded\": {\"level\": \"warn\", \"because\": \"ticket 12\", \"until\": "
          "\"2026-01-31\"}}",
          NULL);
    hearing_feed(&hearing, &call);
    strcpy(hearing.facts.today, today);
    hearing_finish(&hearing);
}

static void a_waiver_softens_until_its_last_day(void)
{
    static const char *const days[] = {"", "2025-12-31", "2026-01-31"};

    for (size_t i = 0; i < ARRAY_SIZE(days); i++) {
        judge_waived(days[i]);
        expect_row("attempts-bounded", "fail",
                   "broken by 1 of 1 calls; ticket 12, until 2026-01-31");
        CU_ASSERT_TRUE(row("attempts-bounded")->is_warning);
        EXPECT_U64(judge_verdict(hearing.judge), VERDICT_PASS);
        hearing_end(&hearing);
    }
    judge_waived("");
}

static void a_waiver_that_has_ended_softens_nothing(void)
{
    judge_waived("2026-02-01");
    expect_row("attempts-bounded", "fail",
               "broken by 1 of 1 calls; ticket 12, waived until 2026-01-31, which has passed");
    CU_ASSERT_FALSE(row("attempts-bounded")->is_warning);
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_FAIL);
}

static void a_waiver_with_an_end_has_a_reason(void)
{
    hearing_begin(&hearing, "{\"no-hang\": {\"level\": \"warn\", \"until\": \"2026-01-31\"}}",
                  NULL);
    EXPECT_RC(hearing.rc, RC_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(hearing.err.text, "expected \"because\" beside \"until\""));
}

/* --- compression ------------------------------------------------------------------------------ */

static void judge_compressed(uint32_t times, const char *laws, const char *expectation)
{
    struct call_record call = sample_call(100);

    sample_scenario(&hearing.scenario);
    hearing.scenario.compression = times;
    hearing_start(&hearing, laws, expectation);
    CU_ASSERT_STRING_EQUAL_FATAL(hearing.err.text, "");
    hearing_feed(&hearing, &call);
    hearing_finish(&hearing);
}

static void what_compression_makes_too_short_is_inconclusive(void)
{
    judge_compressed(100, "{\"no-hang\": {\"silence\": \"49ms\"}}", "wait.max <= 40ms");
    expect_row("no-hang", "inconclusive",
               "compressed 100 times it allows 49 ms: below 50 ms that judges the machine");
    expect_row("wait.max <= 40ms", "inconclusive",
               "compressed 100 times it allows 40 ms: below 50 ms that judges the machine");
    hearing_end(&hearing);
    judge_compressed(100, "{\"no-hang\": {\"silence\": \"51ms\"}}", "wait.max <= 50ms");
    expect_verdict("no-hang", "fail");
    expect_verdict("wait.max <= 50ms", "pass");
    hearing_end(&hearing);
    judge_compressed(1, "{\"no-hang\": {\"silence\": \"49ms\"}}", "wait.max <= 40ms");
    expect_verdict("no-hang", "fail");
    expect_verdict("wait.max <= 40ms", "pass");
}

static void limits_that_nobody_wrote_are_compressed_too(void)
{
    judge_compressed(60, NULL, NULL);
    CU_ASSERT_STRING_EQUAL(row("no-hang")->limit, "2 s");
    CU_ASSERT_STRING_EQUAL(row("deadline-kept")->limit, "10 s + 17 ms");
    CU_ASSERT_STRING_EQUAL(row("advice-heeded")->limit, "slack 50 ms");
}

/* --- a service -------------------------------------------------------------------------------- */

/* One call at the service; the mock was asked once, or as often as `requests` says. */
static void judge_service(const char *laws, const struct call_record *call,
                          const struct journal_record *requests, uint32_t count)
{
    begin(SUBJECT_SERVICE, laws, "amplification <= 100");
    judge_feed_call(hearing.judge, call);
    for (uint32_t i = 0; i < count; i++)
        judge_feed_journal(hearing.judge, &requests[i]);
    hearing.facts.calls_planned = 1;
    hearing.facts.has_caller = true;
    hearing_finish(&hearing);
}

/* An upstream request, `number` of the mock's, that ended well or was overloaded. */
static struct journal_record upstream(const struct call_record *call, uint64_t number, bool is_good)
{
    struct call_record asked = *call;
    struct journal_record record;

    sample_scenario(&hearing.scenario);
    record = sample_journal(&hearing.scenario, &asked, 0);
    record.number = number;
    record.attempt = 0;
    record.key = KEY_MARKER;
    record.head_in_at = call->due_at + (nanos)number * NANOS_S;
    record.last_out_at = record.closed_at = record.head_in_at + NANOS_MS;
    if (is_good)
        return record;
    record.status = 529;
    record.answered = OUTCOME_OVERLOADED;
    record.tokens_written = 0;
    return record;
}

static struct call_record heard(struct heard words)
{
    struct call_record call = sample_call(100);

    words.is_checked = true;
    call.heard = words;
    return call;
}

static void a_services_attempts_are_those_at_the_mock(void)
{
    struct call_record call = sample_call(100);
    struct journal_record requests[7];

    for (uint32_t i = 0; i < 7; i++)
        requests[i] = upstream(&call, 7 - i, i == 0); /* in any order */
    judge_service(NULL, &call, requests, 7);
    expect_broken("attempts-bounded",
                  "7 attempts (6 x 529 overloaded, 200 ok); at most 5 are allowed (due 10.000 s)");
    CU_ASSERT_STRING_EQUAL(row("amplification <= 100")->value, "7");
}

static void a_service_that_asks_nobody_makes_no_attempt(void)
{
    struct call_record call = sample_call(100);

    judge_service(NULL, &call, NULL, 0);
    expect_verdict("attempts-bounded", "pass");
    CU_ASSERT_STRING_EQUAL(row("amplification <= 100")->value, "0");
    expect_verdict("requests-arrived", "inconclusive");
}

static void layers_of_a_service_count_for_themselves(void)
{
    struct call_record call = sample_call(100);
    struct journal_record requests[4];

    for (uint32_t i = 0; i < 4; i++) {
        requests[i] = upstream(&call, i + 1, false);
        requests[i].attempt = i % 2 + 1; /* by the SDK inside */
        requests[i].advice_wait = i == 2 ? 20 * NANOS_S : 0;
    }
    judge_service(NULL, &call, requests, 4);
    expect_broken("advice-heeded",
                  "attempt 4 came 999 ms after a 529 that asked for 20 s (due 10.000 s)");
}

static void a_service_passes_on_whole_answers(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 120, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    judge_service(NULL, &call, &request, 1);
    expect_verdict("complete-answers", "pass");
    expect_verdict("no-repeated-output", "pass");
}

static void the_words_say_which_request_was_the_answer(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 120, .marks = 1});
    struct journal_record requests[] = {upstream(&call, 3, true), upstream(&call, 4, true)};

    requests[1].is_complete = false; /* asked in vain, beside the one that was passed on */
    judge_service(NULL, &call, requests, 2);
    expect_verdict("complete-answers", "pass");
}

static void thinking_is_no_text(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 90, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    request.thinking_tokens = 30;
    judge_service(NULL, &call, &request, 1);
    expect_verdict("complete-answers", "pass");
}

static void a_service_that_leaves_words_out_is_told_so(void)
{
    struct call_record call =
        heard((struct heard){.request = 3, .words = 118, .missing = 2, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    judge_service(NULL, &call, &request, 1);
    expect_broken("complete-answers",
                  "reported ok, but 2 words of the answer are left out (due 10.000 s)");
}

static void a_service_that_cuts_an_answer_is_told_so(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 90, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    judge_service(NULL, &call, &request, 1);
    expect_broken("complete-answers", "reported ok with 90 words, but the mock said 120 at attempt "
                                      "1 (due 10.000 s)");
}

static void a_service_that_calls_half_an_answer_whole_is_told_so(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 27, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    request.is_complete = false;
    request.tokens_written = 27;
    judge_service(NULL, &call, &request, 1);
    expect_broken("complete-answers",
                  "reported ok, but the mock broke attempt 1 off after 27 tokens (due 10.000 s)");
}

static void a_service_that_begins_anew_repeats_itself(void)
{
    struct call_record call =
        heard((struct heard){.request = 4, .words = 120, .marks = 2, .repeated = 0});
    struct journal_record requests[] = {upstream(&call, 3, true), upstream(&call, 4, true)};

    requests[0].is_complete = false;
    requests[0].tokens_written = 27;
    judge_service(NULL, &call, requests, 2);
    expect_broken("no-repeated-output", "2 answers of the mock begin in this one (due 10.000 s)");
    expect_verdict("complete-answers", "pass"); /* the second one is whole */
}

static void a_service_that_says_words_twice_is_told_so(void)
{
    struct call_record call =
        heard((struct heard){.request = 3, .words = 120, .marks = 1, .repeated = 2});
    struct journal_record request = upstream(&call, 3, true);

    judge_service(NULL, &call, &request, 1);
    expect_broken("no-repeated-output", "2 words were said twice (due 10.000 s)");
}

static void a_service_whose_words_are_its_own_is_not_judged_by_them(void)
{
    struct call_record call = sample_call(100);
    struct journal_record request = upstream(&call, 3, true);

    judge_service(NULL, &call, &request, 1);
    expect_verdict("no-repeated-output", "n/a");
    expect_verdict("complete-answers", "n/a");
}

static void a_services_own_counts_are_those_of_the_answer(void)
{
    struct call_record call = heard((struct heard){.request = 3, .words = 120, .marks = 1});
    struct journal_record request = upstream(&call, 3, true);

    judge_service("{\"set\": \"strict\"}", &call, &request, 1);
    expect_verdict("tokens-agree", "pass");
    hearing_end(&hearing);
    call.usage.input_tokens = 8;
    judge_service("{\"set\": \"strict\"}", &call, &request, 1);
    expect_broken("tokens-agree", "the service counts 8 in, 120 out; the mock told 800 in, 120 "
                                  "out (due 10.000 s)");
    hearing_end(&hearing);
    call.usage = (struct usage){0};
    judge_service("{\"set\": \"strict\"}", &call, &request, 1);
    expect_verdict("tokens-agree", "n/a");
}

static CU_TestInfo tests[] = {
    {"a command is held against the essential laws", a_command_is_held_against_the_essential_laws},
    {"a log that is given is judged by the essential laws too",
     a_log_that_is_given_is_judged_by_the_essential_laws_too},
    {"a set that is named stays as it is beside a log",
     a_set_that_is_named_stays_as_it_is_beside_a_log},
    {"a log that could not be read is said once", a_log_that_could_not_be_read_is_said_once},
    {"a log that could not be read lets nothing pass that names no law about it",
     a_log_that_could_not_be_read_lets_nothing_pass_that_names_no_law_about_it},
    {"what only the application knows does not apply without its log",
     what_only_the_application_knows_does_not_apply_without_its_log},
    {"the journal alone shows too many attempts", the_journal_alone_shows_too_many_attempts},
    {"the journal alone shows a permanent refusal retried",
     the_journal_alone_shows_a_permanent_refusal_retried},
    {"the journal alone shows advice not heeded", the_journal_alone_shows_advice_not_heeded},
    {"the journal alone shows a fallback that was not taken",
     the_journal_alone_shows_a_fallback_that_was_not_taken},
    {"the journal alone shows how long a program put up with silence",
     the_journal_alone_shows_how_long_a_program_put_up_with_silence},
    {"an open call of a program is not forgotten", an_open_call_of_a_program_is_not_forgotten},
    {"a journal that broke off proves nothing", a_journal_that_broke_off_proves_nothing},
    {"what a doubtful call sent too often stands", what_a_doubtful_call_sent_too_often_stands},
    {"what a doubtful call lacks says nothing", what_a_doubtful_call_lacks_says_nothing},
    {"a log lets its lines be judged", a_log_lets_its_lines_be_judged},
    {"a log that counts other tokens is told so", a_log_that_counts_other_tokens_is_told_so},
    {"a log without counts leaves them unknown", a_log_without_counts_leaves_them_unknown},
    {"a log may round its costs", a_log_may_round_its_costs},
    {"a log may count every attempt", a_log_may_count_every_attempt},
    {"a log that doubles its costs is told so", a_log_that_doubles_its_costs_is_told_so},
    {"a log that calls a cut answer good is told so",
     a_log_that_calls_a_cut_answer_good_is_told_so},
    {"a call without a line breaks log-complete", a_call_without_a_line_breaks_log_complete},
    {"a line that names no call may be any call's", a_line_that_names_no_call_may_be_any_calls},
    {"a pointer that no line has proves no log-complete",
     a_pointer_that_no_line_has_proves_no_log_complete},
    {"a line that cannot be read breaks log-complete",
     a_line_that_cannot_be_read_breaks_log_complete},
    {"a command's exit counts where it is asked for", a_commands_exit_counts_where_it_is_asked_for},
    {"without a command none succeeds", without_a_command_none_succeeds},
    {"nothing that arrived is inconclusive", nothing_that_arrived_is_inconclusive},
    {"an unknown path is inconclusive", an_unknown_path_is_inconclusive},
    {"a waiver softens until its last day", a_waiver_softens_until_its_last_day},
    {"a waiver that has ended softens nothing", a_waiver_that_has_ended_softens_nothing},
    {"a waiver with an end has a reason", a_waiver_with_an_end_has_a_reason},
    {"what compression makes too short is inconclusive",
     what_compression_makes_too_short_is_inconclusive},
    {"limits that nobody wrote are compressed too", limits_that_nobody_wrote_are_compressed_too},
    {"a service's attempts are those at the mock", a_services_attempts_are_those_at_the_mock},
    {"a service that asks nobody makes no attempt", a_service_that_asks_nobody_makes_no_attempt},
    {"layers of a service count for themselves", layers_of_a_service_count_for_themselves},
    {"a service passes on whole answers", a_service_passes_on_whole_answers},
    {"the words say which request was the answer", the_words_say_which_request_was_the_answer},
    {"thinking is no text", thinking_is_no_text},
    {"a service that leaves words out is told so", a_service_that_leaves_words_out_is_told_so},
    {"a service that cuts an answer is told so", a_service_that_cuts_an_answer_is_told_so},
    {"a service that calls half an answer whole is told so",
     a_service_that_calls_half_an_answer_whole_is_told_so},
    {"a service that begins anew repeats itself", a_service_that_begins_anew_repeats_itself},
    {"a service that says words twice is told so", a_service_that_says_words_twice_is_told_so},
    {"a service whose words are its own is not judged by them",
     a_service_whose_words_are_its_own_is_not_judged_by_them},
    {"a service's own counts are those of the answer",
     a_services_own_counts_are_those_of_the_answer},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo subject_laws_suite = {"subject_laws", NULL, NULL, NULL, tear_down, tests};
