#include "report/terminal.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "report/story.h"
#include "tests/support/expect.h"
#include "tests/support/golden.h"
#include "tests/support/hearing.h"

/* The reports on programs that are not ours, as a person sees them. */

static struct hearing hearing;
static struct buffer out;
static struct report_facts facts;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
    facts = (struct report_facts){.world = "run",
                                  .took = 12 * NANOS_S + 300 * NANOS_MS,
                                  .results = "results/sample-20260101T000000Z-1"};
}

static void tear_down(void)
{
    hearing_end(&hearing);
    buffer_deinit(&out);
}

/* --- a command: a loop of four around an SDK that tries three times ----------------------------
 */

static struct journal_record requests[STORY_REQUESTS_MAX];

/* Refused all the time but for the last attempt of those that `is_good` at last. */
static struct call_record layered(uint64_t index, uint32_t attempts, bool is_good)
{
    struct call_record call = sample_call(index);

    call.key = KEY_RETRY_COUNT;
    call.wait_max = 0;
    for (uint32_t i = 0; i < attempts; i++) {
        bool is_outer = i % 3 == 2;
        nanos wait = (is_outer ? 2000 : i % 3 == 0 ? 500 : 1000) * NANOS_MS;

        if (i + 1 == attempts && is_good)
            break;
        sample_fail(&call, OUTCOME_OVERLOADED, 529, call.attempts[i].sent_at + 2 * NANOS_MS);
        if (i + 1 < attempts)
            sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + wait);
    }
    return call;
}

static void ask(const struct call_record *call)
{
    for (uint32_t i = 0; i < call->attempts_count; i++) {
        struct journal_record *r = &requests[i];

        *r = sample_journal(&hearing.scenario, call, i);
        r->key = KEY_RETRY_COUNT;
        r->has_retry_count = true;
        r->retry_count = i % 3;
        if (r->status == 529) {
            r->rule = SAMPLE_OVERLOAD_RULE;
            r->rules_matched = 1 << SAMPLE_OVERLOAD_RULE;
            strcpy(r->plan, "529 overloaded");
        }
    }
}

static void feed(const struct call_record *call)
{
    ask(call);
    for (uint32_t i = 0; i < call->attempts_count; i++)
        judge_feed_journal(hearing.judge, &requests[i]);
    judge_feed_call(hearing.judge, call);
    hearing.facts.calls_planned++;
}

static void begin_command(const char *laws)
{
    static const struct load_part calls = {.name = "call", .kind = PART_FOREIGN};

    sample_scenario(&hearing.scenario);
    hearing.scenario.subject = SUBJECT_EXEC;
    hearing.scenario.load.parts[0] = calls;
    hearing.scenario.load.lasts = NANOS_NEVER;
    hearing_start(&hearing, laws, "amplification <= 2");
    CU_ASSERT_STRING_EQUAL_FATAL(hearing.err.text, "");
    hearing.facts.has_command = true;
    hearing.facts.command_exit = 1;
    hearing.facts.command_took = 12 * NANOS_S;
    strcpy(hearing.facts.command, "python app.py");
}

static void a_command_with_two_layers(void)
{
    static const uint32_t attempts[] = {12, 1, 9, 1, 4, 1, 3, 1, 12};

    begin_command("{\"set\": \"strict\"}");
    for (uint64_t i = 0; i < ARRAY_SIZE(attempts); i++) {
        struct call_record call = layered(300 + i, attempts[i], i != 8);

        call.is_doubtful = i == 6;
        feed(&call);
    }
    hearing_finish(&hearing);
    report_terminal(&hearing.scenario, hearing.judge, &facts, &out);
    expect_golden(buffer_slice(&out), "report-exec.txt");
}

static void the_story_of_a_call_parts_its_rounds(void)
{
    struct call_record call = layered(300, 12, false);
    struct story story = {.scenario = &hearing.scenario,
                          .call = &call,
                          .requests = requests,
                          .requests_count = 12,
                          .has_journal = true,
                          .cut_at = NANOS_NEVER};

    begin_command(NULL);
    feed(&call);
    hearing_finish(&hearing);
    story.rows = judge_rows(hearing.judge, &story.rows_count);
    report_story(&story, &out);
    expect_golden(buffer_slice(&out), "story-rounds.txt");
}

/* --- a service ---------------------------------------------------------------------------------
 */

static void feed_service(uint64_t index, uint32_t upstream)
{
    struct call_record call = sample_call(index), asked = layered(index, upstream, true);

    call.heard = (struct heard){.is_checked = true,
                                .request = index * RECORD_ATTEMPTS_MAX + upstream,
                                .words = 120,
                                .marks = 1};
    if (index == 304)
        call.heard.words = 90;
    if (index == 305)
        call.heard.marks = 2;
    call.usage = (struct usage){0};
    call.cost = 0;
    call.cost_unknown = 1;
    ask(&asked);
    for (uint32_t i = 0; i < upstream; i++) {
        requests[i].key = KEY_MARKER;
        requests[i].has_retry_count = false;
        judge_feed_journal(hearing.judge, &requests[i]);
    }
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned++;
}

static void a_service_that_cuts_and_repeats(void)
{
    struct service_rules *service = &hearing.scenario.subject_rules.service;

    sample_scenario(&hearing.scenario);
    hearing.scenario.subject = SUBJECT_SERVICE;
    service->urls[service->urls_count++] = SLICE("http://127.0.0.1:4000");
    service->urls[service->urls_count++] = SLICE("http://127.0.0.1:4001");
    hearing_start(&hearing, NULL, "subject.rss.slope <= 10MB");
    CU_ASSERT_STRING_EQUAL_FATAL(hearing.err.text, "");
    for (uint64_t i = 300; i < 306; i++)
        feed_service(i, i == 301 ? 7 : 1);
    for (uint32_t i = 0; i < 12; i++)
        judge_feed_sample(hearing.judge, &(struct sample_record){.instance = i % 2,
                                                                 .at = i * NANOS_S,
                                                                 .rss_bytes = 98000000 + i * 1000,
                                                                 .descriptors = 30 + i,
                                                                 .threads = 9});
    hearing_finish(&hearing);
    report_terminal(&hearing.scenario, hearing.judge, &facts, &out);
    expect_golden(buffer_slice(&out), "report-service.txt");
}

static CU_TestInfo tests[] = {
    {"a command with two layers", a_command_with_two_layers},
    {"the story of a call parts its rounds", the_story_of_a_call_parts_its_rounds},
    {"a service that cuts and repeats", a_service_that_cuts_and_repeats},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo subject_report_suite = {"subject_report", NULL, NULL, set_up, tear_down, tests};
