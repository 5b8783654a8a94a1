/* The monitor as timelines. A story tells when calls ended and what they cost, a script what each
 * hook answers to one post after the other, 10 ms later:
 *
 *     tell_story("0s call $1.50\n"
 *                "9s call $0.60\n");
 *     expect_timeline("    9000ms  any: post budget:hourly:0, try 1\n"
 *                     "    9010ms  any: answered 200\n"
 *                     "    9010ms  any: delivered budget:hourly:0, tries 1\n");
 *
 * After every story each alert was settled exactly once at every hook. */

#include "monitor/monitor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/rng.h"
#include "base/units.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { RECORDS_MAX = 20000, TIMELINE_BYTES_MAX = 1 << 20 };

static const nanos ANSWER_TAKES = 10 * NANOS_MS;
static const nanos MINUTE = 60 * NANOS_S;

/* What a hook does: "200", "429/3s" (with advice), "dead" (no connection), "silence". */
struct hook {
    const char *script; /* by post; past the last: as the last */
    uint32_t posts;
    nanos answers_at; /* NANOS_NEVER: nothing under way, or silence */
    struct slice answer;
};

static struct monitor_rules rules;
static struct alert_manner manner;
static struct monitor *monitor;
static struct hook hooks[HOOK_KINDS_COUNT];
static nanos now, give_up_at;
static bool is_quiet; /* tell no timeline */
static struct buffer timeline;
static struct alert_record records[RECORDS_MAX];
static uint32_t records_count;

/* --- the world -------------------------------------------------------------------------------- */

static void happens(enum hook_kind hook, const char *format, ...) PRINTF_LIKE(2, 3);

static void happens(enum hook_kind hook, const char *format, ...)
{
    char what[256];
    va_list arguments;

    if (is_quiet)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    buffer_printf(&timeline, "%8lldms  %s: %s\n", (long long)(now / NANOS_MS), hook_kind_word(hook),
                  what);
}

static struct slice word_of(const char *script, uint32_t index)
{
    struct slice rest = slice_of(script);
    struct slice word = {0}, next;

    for (uint32_t i = 0; i <= index && slice_cut(&rest, ' ', &next); i++)
        word = next;
    return word;
}

/* The value of "name: value" in the lines. */
static struct slice header(struct slice lines, struct slice name)
{
    struct slice line;

    while (slice_cut(&lines, '\n', &line)) {
        if (slice_starts_with(line, name))
            return slice_trim((struct slice){line.data + name.size + 1, line.size - name.size - 1});
    }
    return (struct slice){0};
}

static void apply_post(const struct monitor_effect *effect)
{
    struct hook *hook = &hooks[effect->hook];
    struct slice key = header(effect->headers, SLICE("x-brownout-alert"));
    struct slice attempt = header(effect->headers, SLICE("x-brownout-attempt"));
    struct hook_answer answer;

    CU_ASSERT(hook->answer.data == NULL); /* one post at a time */
    hook_receive(effect->hook, effect->body, &answer);
    CU_ASSERT(answer.is_valid);
    hook->answer = word_of(hook->script, hook->posts++);
    hook->answers_at = slice_is(hook->answer, SLICE("silence")) ? NANOS_NEVER : now + ANSWER_TAKES;
    happens(effect->hook, "post %.*s, try %.*s", SLICE_ARG(key), SLICE_ARG(attempt));
}

static void apply_settled(const struct monitor_effect *effect)
{
    const struct alert_record *r = effect->record;

    CU_ASSERT_FATAL(records_count < RECORDS_MAX);
    EXPECT_U64(r->hook, effect->hook);
    records[records_count++] = *r;
    happens(effect->hook, "%s %s%s, tries %u", r->is_delivered ? "delivered" : "lost", r->alert.key,
            r->settled_at == NANOS_NEVER ? " (open)" : "", r->tries);
}

static void apply_effects(void)
{
    struct monitor_effect effect;

    while (monitor_next(monitor, &effect)) {
        switch (effect.kind) {
        case MONITOR_POST:
            apply_post(&effect);
            break;
        case MONITOR_CANCEL:
            hooks[effect.hook].answer = (struct slice){0};
            hooks[effect.hook].answers_at = NANOS_NEVER;
            happens(effect.hook, "cancel");
            break;
        case MONITOR_SETTLED:
            apply_settled(&effect);
            break;
        }
    }
}

static void answer(enum hook_kind kind)
{
    struct monitor_event event = {.kind = MONITOR_ANSWERED, .at = now, .hook = kind};
    struct slice advice = hooks[kind].answer, status;
    uint64_t number = 0;

    happens(kind, "answered %.*s", SLICE_ARG(hooks[kind].answer));
    if (slice_is(advice, SLICE("dead"))) {
        event.kind = MONITOR_FAILED;
    } else {
        CU_ASSERT(slice_cut(&advice, '/', &status) && slice_u64(status, &number));
        event.status = (uint16_t)number;
        if (advice.size > 0)
            EXPECT_RC(units_duration(advice, &event.advice_wait), RC_OK);
    }
    hooks[kind].answer = (struct slice){0};
    hooks[kind].answers_at = NANOS_NEVER;
    monitor_step(monitor, &event);
}

static nanos next_at(void)
{
    nanos at = monitor_wakes_at(monitor);

    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++)
        at = nanos_min(at, hooks[kind].answers_at);
    return at;
}

static void step(void)
{
    now = next_at();
    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++) {
        if (hooks[kind].answers_at <= now)
            answer((enum hook_kind)kind);
    }
    if (monitor_wakes_at(monitor) <= now)
        monitor_step(monitor, &(struct monitor_event){.kind = MONITOR_WAKE, .at = now});
    apply_effects();
}

static void pass_time(nanos until)
{
    while (next_at() <= until)
        step();
    now = nanos_max(now, until);
}

/* --- stories ---------------------------------------------------------------------------------- */

static nanos duration(struct slice text)
{
    nanos value = 0;

    EXPECT_RC(units_duration(text, &value), RC_OK);
    return value;
}

/* "$0.60 took 16s gave 9000 ended overloaded": cost first, the rest if wanted. */
static struct observation read_call(struct slice words)
{
    struct observation o = {.call = SLICE("steady:7"),
                            .model = SLICE("claude-sonnet-4-5"),
                            .latency = NANOS_S,
                            .has_answer = true};
    struct slice word, value;
    int64_t nano_usd = 0;

    CU_ASSERT(slice_cut(&words, ' ', &word));
    EXPECT_RC(units_money(word, &nano_usd), RC_OK);
    o.cost = nano_usd * (MONEY_USD / 1000000000);
    while (slice_cut(&words, ' ', &word) && slice_cut(&words, ' ', &value)) {
        bool is_read = true;

        if (slice_is(word, SLICE("took")))
            o.latency = slice_is(value, SLICE("forever")) ? NANOS_NEVER : duration(value);
        else if (slice_is(word, SLICE("gave")))
            is_read = slice_u64(value, &o.output_tokens);
        else
            is_read = outcome_find(value, &o.outcome);
        CU_ASSERT(is_read);
    }
    o.has_answer = o.outcome == OUTCOME_OK;
    return o;
}

static void note(struct observation o)
{
    monitor_note(monitor, &o, now);
    apply_effects();
}

static uint64_t alerts_raised(void)
{
    uint64_t sum = 0;

    for (int kind = 0; kind < ALERT_KINDS_COUNT; kind++)
        sum += monitor_alerts(monitor, (enum alert_kind)kind);
    return sum;
}

/* Numbers run from 1 without a gap, so a sum over them sees a lost or a doubled one. */
static void expect_each_settled_once(void)
{
    uint64_t raised = alerts_raised();

    EXPECT_U64(records_count, raised * rules.hooks_count);
    for (uint32_t i = 0; i < rules.hooks_count; i++) {
        uint64_t sum = 0, squares = 0, wanted_sum = 0, wanted_squares = 0;

        for (uint32_t k = 0; k < records_count; k++) {
            uint64_t number = records[k].hook == rules.hooks[i] ? records[k].alert.number : 0;

            sum += number;
            squares += number * number;
        }
        for (uint64_t number = 1; number <= raised; number++) {
            wanted_sum += number;
            wanted_squares += number * number;
        }
        EXPECT_U64(sum, wanted_sum);
        EXPECT_U64(squares, wanted_squares);
    }
}

static void open_monitor(void)
{
    struct monitor_options options = {&rules, &manner, memory_heap()};
    struct error err;

    monitor_free(monitor);
    monitor = NULL;
    records_count = 0;
    buffer_clear(&timeline);
    now = 0;
    EXPECT_RC(monitor_new(&monitor, &options, &err), RC_OK);
}

static void finish_story(void)
{
    apply_effects();
    while (!monitor_is_idle(monitor) && next_at() <= give_up_at)
        step();
    if (!monitor_is_idle(monitor)) {
        now = nanos_max(now, give_up_at);
        monitor_give_up(monitor, now);
        apply_effects();
    }
    CU_ASSERT(monitor_is_idle(monitor));
    EXPECT_I64(monitor_wakes_at(monitor), NANOS_NEVER);
    expect_each_settled_once();
}

/* One line a call: "AT call COST ...". */
static void tell_story(const char *story)
{
    struct slice rest = slice_of(story), line, at, word;

    open_monitor();
    while (slice_cut(&rest, '\n', &line)) {
        CU_ASSERT(slice_cut(&line, ' ', &at) && slice_cut(&line, ' ', &word));
        pass_time(duration(at));
        note(read_call(line));
    }
    finish_story();
}

#define expect_timeline(text) EXPECT_TEXT(buffer_slice(&timeline), text)
#define expect_sentence(record, literal) EXPECT_TEXT(slice_of((record).alert.text), literal)

static void set_up(void)
{
    rules = (struct monitor_rules){
        .is_on = true,
        .budgets = {{.name = "hourly", .limit = 2 * MONEY_USD, .per = 60 * MINUTE}},
        .budgets_count = 1,
        .slow = 15 * NANOS_S,
        .tokens_high = 8000,
        .errors = true,
        .cool_down = MINUTE,
        .hooks = {HOOK_ANY},
        .hooks_count = 1,
        .patience = 5 * NANOS_S,
    };
    manner = (struct alert_manner){0};
    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++)
        hooks[kind] = (struct hook){.script = "200", .answers_at = NANOS_NEVER};
    give_up_at = 10000 * MINUTE;
    is_quiet = false;
    buffer_init(&timeline, memory_heap(), TIMELINE_BYTES_MAX);
}

static void tear_down(void)
{
    monitor_free(monitor);
    monitor = NULL;
    buffer_deinit(&timeline);
}

/* --- budgets ---------------------------------------------------------------------------------- */

static void a_breached_window_is_told_once(void)
{
    tell_story("1s call $1.50\n"
               "2s call $0.5013\n"
               "3s call $0.60\n"
               "4s call $5.00\n");
    expect_timeline("    2000ms  any: post budget:hourly:0, try 1\n"
                    "    2010ms  any: answered 200\n"
                    "    2010ms  any: delivered budget:hourly:0, tries 1\n");
    expect_sentence(records[0],
                    "budget hourly: $2.0013 of $2.00 spent in window 0 (call steady:7 tipped it)");
    EXPECT_I64(records[0].alert.spent, 2001300000000);
    EXPECT_I64(records[0].alert.limit, 2 * MONEY_USD);
    EXPECT_I64(records[0].alert.raised_at, 2 * NANOS_S);
    EXPECT_I64(records[0].settled_at, 2010 * NANOS_MS);
    EXPECT_U64(records[0].status, 200);
    EXPECT_I64(monitor_spent(monitor), 76013 * (MONEY_USD / 10000));
}

static void exactly_the_limit_is_no_breach(void)
{
    tell_story("1s call $1.999999999\n"
               "2s call $0.000000001\n");
    expect_timeline("");
    tell_story("1s call $1.999999999\n"
               "2s call $0.000000001\n"
               "3s call $0.000000001\n");
    EXPECT_U64(records_count, 1);
    expect_sentence(records[0], "budget hourly: $2.000000001 of $2.00 spent in window 0 "
                                "(call steady:7 tipped it)");
}

static void one_call_far_above_is_one_alert(void)
{
    tell_story("1s call $400.00\n");
    EXPECT_U64(records_count, 1);
    EXPECT_I64(records[0].alert.spent, 400 * MONEY_USD);
}

static void every_window_begins_with_nothing_spent(void)
{
    tell_story("10s call $1.90\n"
               "59m59s call $0.20\n" /* tips window 0 */
               "60m call $1.90\n"    /* the first instant of window 1 */
               "119m call $0.10\n"
               "119m59s999ms999us999ns call $0.01\n" /* its last: tips it */
               "120m call $1.90\n"
               "299m call $2.01\n"); /* window 4, the third was silent */
    expect_timeline(" 3599000ms  any: post budget:hourly:0, try 1\n"
                    " 3599010ms  any: answered 200\n"
                    " 3599010ms  any: delivered budget:hourly:0, tries 1\n"
                    " 7199999ms  any: post budget:hourly:1, try 1\n"
                    " 7200009ms  any: answered 200\n"
                    " 7200009ms  any: delivered budget:hourly:1, tries 1\n"
                    "17940000ms  any: post budget:hourly:4, try 1\n"
                    "17940010ms  any: answered 200\n"
                    "17940010ms  any: delivered budget:hourly:4, tries 1\n");
}

static void budgets_are_counted_apart(void)
{
    rules.budgets[1] = (struct budget_rules){.name = "minute", .limit = MONEY_USD, .per = MINUTE};
    rules.budgets_count = 2;
    tell_story("1s call $1.01\n"  /* minute:0 */
               "59s call $1.00\n" /* hourly:0; the minute was told */
               "60s call $1.00\n" /* at the limit of minute 1 */
               "61s call $0.01\n" /* minute:1 */
               "120s call $9.00\n" /* minute:2 */);
    expect_timeline("    1000ms  any: post budget:minute:0, try 1\n"
                    "    1010ms  any: answered 200\n"
                    "    1010ms  any: delivered budget:minute:0, tries 1\n"
                    "   59000ms  any: post budget:hourly:0, try 1\n"
                    "   59010ms  any: answered 200\n"
                    "   59010ms  any: delivered budget:hourly:0, tries 1\n"
                    "   61000ms  any: post budget:minute:1, try 1\n"
                    "   61010ms  any: answered 200\n"
                    "   61010ms  any: delivered budget:minute:1, tries 1\n"
                    "  120000ms  any: post budget:minute:2, try 1\n"
                    "  120010ms  any: answered 200\n"
                    "  120010ms  any: delivered budget:minute:2, tries 1\n");
    EXPECT_U64(records[0].alert.budget, 1);
    EXPECT_U64(records[1].alert.budget, 0);
    EXPECT_U64(monitor_alerts(monitor, ALERT_BUDGET), 4);
}

static void one_call_may_tip_two_budgets(void)
{
    rules.budgets[1] = (struct budget_rules){.name = "minute", .limit = MONEY_USD, .per = MINUTE};
    rules.budgets_count = 2;
    tell_story("1s call $3.00\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered 200\n"
                    "    1010ms  any: delivered budget:hourly:0, tries 1\n"
                    "    1010ms  any: post budget:minute:0, try 1\n"
                    "    1020ms  any: answered 200\n"
                    "    1020ms  any: delivered budget:minute:0, tries 1\n");
}

/* The article says «once per window breach»; its code says it at every call. */
static void the_guides_manner_alerts_at_every_call_after_the_breach(void)
{
    manner.repeats_budget = true;
    tell_story("1s call $2.00\n"
               "2s call $0.01\n"
               "3s call $0.01\n"
               "4s call $0.00\n"
               "60m call $0.01\n");
    EXPECT_U64(records_count, 3);
    for (uint32_t i = 0; i < records_count; i++)
        EXPECT_TEXT(slice_of(records[i].alert.key), "budget:hourly:0");
}

static void an_alert_counts_those_that_were_held_back(void)
{
    tell_story("1s call $3.00\n"
               "2s call $0.01\n"
               "3s call $0.01\n"
               "60m call $3.00\n");
    EXPECT_U64(records_count, 2);
    EXPECT_U64(records[0].alert.suppressed, 0);
    EXPECT_U64(records[1].alert.suppressed, 2);
}

static void absurd_costs_saturate(void)
{
    struct observation dear = {.cost = MONEY_MAX, .latency = NANOS_S, .has_answer = true};

    open_monitor();
    note(dear);
    note(dear);
    EXPECT_I64(monitor_spent(monitor), MONEY_MAX);
    finish_story();
    EXPECT_U64(records_count, 1);
}

/* --- anomalies -------------------------------------------------------------------------------- */

static void a_kind_is_told_once_per_cool_down(void)
{
    tell_story("10s call $0 took 16s\n"
               "20s call $0 took 17s\n"
               "59s999ms call $0 took 18s\n"
               "60s call $0 took 19s\n"
               "61s call $0 took 20s\n"
               "300s call $0 took 21s\n");
    expect_timeline("   10000ms  any: post slow:0, try 1\n"
                    "   10010ms  any: answered 200\n"
                    "   10010ms  any: delivered slow:0, tries 1\n"
                    "   60000ms  any: post slow:1, try 1\n"
                    "   60010ms  any: answered 200\n"
                    "   60010ms  any: delivered slow:1, tries 1\n"
                    "  300000ms  any: post slow:5, try 1\n"
                    "  300010ms  any: answered 200\n"
                    "  300010ms  any: delivered slow:5, tries 1\n");
    expect_sentence(records[0], "slow: claude-sonnet-4-5 took 16s, more than 15s (call steady:7)");
    expect_sentence(records[1], "slow: claude-sonnet-4-5 took 19s, more than 15s (call steady:7); "
                                "2 more since the last alert");
    EXPECT_U64(records[1].alert.suppressed, 2);
    EXPECT_U64(records[2].alert.suppressed, 1);
    EXPECT_U64(monitor_alerts(monitor, ALERT_SLOW), 3);
}

static void thresholds_are_to_be_exceeded(void)
{
    tell_story("1s call $0 took 15s gave 8000\n");
    expect_timeline("");
    tell_story("1s call $0 took 15001ms gave 8001\n");
    EXPECT_U64(records_count, 2);
    expect_sentence(records[0],
                    "slow: claude-sonnet-4-5 took 15.001s, more than 15s (call steady:7)");
    expect_sentence(records[1], "tokens: claude-sonnet-4-5 gave 8001 output tokens, more than 8000 "
                                "(call steady:7)");
}

static void one_call_may_be_wrong_in_every_way(void)
{
    tell_story("1s call $3 took 16s gave 9000 ended stream_error\n"
               "2s call $0 took 16s gave 9000 ended stream_error\n");
    EXPECT_U64(records_count, 4);
    EXPECT_TEXT(slice_of(records[0].alert.key), "budget:hourly:0");
    EXPECT_TEXT(slice_of(records[1].alert.key), "slow:0");
    EXPECT_TEXT(slice_of(records[2].alert.key), "tokens:0");
    EXPECT_TEXT(slice_of(records[3].alert.key), "error:0");
    expect_sentence(records[3], "error: claude-sonnet-4-5 ended as stream_error (call steady:7)");
}

static void a_call_that_never_ended_is_an_error_but_not_slow(void)
{
    tell_story("1s call $0 took forever ended unfinished\n");
    EXPECT_U64(records_count, 1);
    EXPECT_TEXT(slice_of(records[0].alert.key), "error:0");
}

static void what_is_not_watched_is_not_told(void)
{
    rules.slow = NANOS_NEVER;
    rules.tokens_high = UINT64_MAX;
    rules.errors = false;
    rules.budgets_count = 0;
    tell_story("1s call $3 took 16s gave 9000 ended stream_error\n");
    expect_timeline("");
    set_up();
    rules.is_on = false;
    tell_story("1s call $3 took 16s gave 9000 ended stream_error\n");
    EXPECT_U64(alerts_raised(), 0);
    EXPECT_I64(monitor_spent(monitor), 3 * MONEY_USD);
}

static void the_guides_manner_alerts_at_every_anomaly(void)
{
    manner.repeats_anomalies = true;
    tell_story("1s call $0 ended overloaded\n"
               "1s call $0 ended overloaded\n"
               "1s call $0 ended overloaded\n"
               "1s call $0 took 16s\n");
    EXPECT_U64(records_count, 4);
    EXPECT_U64(monitor_alerts(monitor, ALERT_ERROR), 3);
    EXPECT_U64(monitor_alerts(monitor, ALERT_SLOW), 1);
}

static void without_a_cool_down_each_instant_is_told_once(void)
{
    rules.cool_down = 0;
    tell_story("1s call $0 ended overloaded\n"
               "1s call $0 ended overloaded\n"
               "2s call $0 ended overloaded\n");
    EXPECT_U64(records_count, 2);
    EXPECT_TEXT(slice_of(records[1].alert.key), "error:2000000000");
}

/* --- delivery --------------------------------------------------------------------------------- */

static void a_dead_hook_is_tried_four_times_and_then_again_for_the_next(void)
{
    hooks[HOOK_ANY].script = "dead dead dead dead 200";
    tell_story("1s call $3\n"
               "2s call $0 ended overloaded\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered dead\n"
                    "    1510ms  any: post budget:hourly:0, try 2\n"
                    "    1520ms  any: answered dead\n"
                    "    2520ms  any: post budget:hourly:0, try 3\n"
                    "    2530ms  any: answered dead\n"
                    "    4530ms  any: post budget:hourly:0, try 4\n"
                    "    4540ms  any: answered dead\n"
                    "    4540ms  any: lost budget:hourly:0, tries 4\n"
                    "    4540ms  any: post error:0, try 1\n"
                    "    4550ms  any: answered 200\n"
                    "    4550ms  any: delivered error:0, tries 1\n");
    EXPECT_U64(records[0].status, 0);
}

static void advice_is_obeyed_when_it_is_longer_than_our_own_pause(void)
{
    hooks[HOOK_ANY].script = "429/3s 429/100ms 503 200";
    tell_story("1s call $3\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered 429/3s\n"
                    "    4010ms  any: post budget:hourly:0, try 2\n"
                    "    4020ms  any: answered 429/100ms\n"
                    "    5020ms  any: post budget:hourly:0, try 3\n"
                    "    5030ms  any: answered 503\n"
                    "    7030ms  any: post budget:hourly:0, try 4\n"
                    "    7040ms  any: answered 200\n"
                    "    7040ms  any: delivered budget:hourly:0, tries 4\n");
}

static void an_answer_that_stays_the_same_loses_the_alert_at_once(void)
{
    hooks[HOOK_ANY].script = "400 301 204";
    tell_story("1s call $3\n"
               "2s call $0 ended overloaded\n"
               "3s call $0 took 16s\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered 400\n"
                    "    1010ms  any: lost budget:hourly:0, tries 1\n"
                    "    2000ms  any: post error:0, try 1\n"
                    "    2010ms  any: answered 301\n"
                    "    2010ms  any: lost error:0, tries 1\n"
                    "    3000ms  any: post slow:0, try 1\n"
                    "    3010ms  any: answered 204\n"
                    "    3010ms  any: delivered slow:0, tries 1\n");
}

static void a_hook_that_is_gone_is_left_alone(void)
{
    static const char *const permanent[] = {"401", "403", "404", "410"};

    for (size_t i = 0; i < ARRAY_SIZE(permanent); i++) {
        hooks[HOOK_ANY].script = permanent[i];
        hooks[HOOK_ANY].posts = 0;
        tell_story("1s call $3 took 16s\n" /* the second alert waits in the queue */
                   "2s call $0 ended overloaded\n");
        EXPECT_U64(hooks[HOOK_ANY].posts, 1);
        EXPECT_U64(records_count, 3);
        EXPECT_U64(records[0].tries, 1);
        EXPECT_U64(records[1].tries, 0);
        EXPECT_I64(records[1].settled_at, 1010 * NANOS_MS);
        EXPECT_U64(records[2].tries, 0);
        EXPECT_I64(records[2].settled_at, 2 * NANOS_S);
        for (uint32_t k = 0; k < records_count; k++)
            CU_ASSERT(!records[k].is_delivered);
    }
}

static void which_answers_are_tried_again(void)
{
    static const struct {
        const char *script;
        uint32_t posts;
    } cases[] = {
        {"200", 1}, {"202", 1}, {"299", 1}, {"302", 1}, {"400", 1}, {"402", 1}, {"405", 1},
        {"409", 1}, {"413", 1}, {"408", 4}, {"429", 4}, {"500", 4}, {"599", 4}, {"dead", 4},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        hooks[HOOK_ANY].script = cases[i].script;
        hooks[HOOK_ANY].posts = 0;
        tell_story("1s call $3\n");
        EXPECT_U64(hooks[HOOK_ANY].posts, cases[i].posts);
        EXPECT_U64(records[0].tries, cases[i].posts);
        EXPECT_U64(records[0].is_delivered, cases[i].script[0] == '2');
    }
}

static void silence_is_cancelled_and_tried_again(void)
{
    hooks[HOOK_ANY].script = "silence 200";
    tell_story("1s call $3\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    6000ms  any: cancel\n"
                    "    6500ms  any: post budget:hourly:0, try 2\n"
                    "    6510ms  any: answered 200\n"
                    "    6510ms  any: delivered budget:hourly:0, tries 2\n");
}

static void an_answer_that_comes_too_late_changes_nothing(void)
{
    struct monitor_event late = {.kind = MONITOR_ANSWERED, .hook = HOOK_ANY, .status = 404};

    hooks[HOOK_ANY].script = "silence 200";
    open_monitor();
    note(read_call(SLICE("$3")));
    pass_time(5 * NANOS_S); /* cancelled */
    late.at = now;
    monitor_step(monitor, &late);
    late.kind = MONITOR_FAILED;
    monitor_step(monitor, &late);
    finish_story();
    CU_ASSERT(records[0].is_delivered);
    EXPECT_U64(records[0].tries, 2);
}

static void hooks_do_not_wait_for_each_other(void)
{
    rules.hooks[0] = HOOK_SLACK;
    rules.hooks[1] = HOOK_DISCORD;
    rules.hooks_count = 2;
    hooks[HOOK_SLACK].script = "500 200";
    hooks[HOOK_DISCORD].script = "204";
    tell_story("1s call $3\n");
    expect_timeline("    1000ms  slack: post budget:hourly:0, try 1\n"
                    "    1000ms  discord: post budget:hourly:0, try 1\n"
                    "    1010ms  slack: answered 500\n"
                    "    1010ms  discord: answered 204\n"
                    "    1010ms  discord: delivered budget:hourly:0, tries 1\n"
                    "    1510ms  slack: post budget:hourly:0, try 2\n"
                    "    1520ms  slack: answered 200\n"
                    "    1520ms  slack: delivered budget:hourly:0, tries 2\n");
}

static void without_hooks_alerts_are_counted(void)
{
    rules.hooks_count = 0;
    tell_story("1s call $3 ended overloaded\n");
    EXPECT_U64(alerts_raised(), 2);
    expect_timeline("");
}

static void giving_up_settles_everything_as_open(void)
{
    hooks[HOOK_ANY].script = "500 silence";
    give_up_at = 3 * NANOS_S;
    tell_story("1s call $3 took 16s\n"
               "2s call $0 ended overloaded\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered 500\n"
                    "    1510ms  any: post budget:hourly:0, try 2\n"
                    "    3000ms  any: cancel\n"
                    "    3000ms  any: lost budget:hourly:0 (open), tries 2\n"
                    "    3000ms  any: lost slow:0 (open), tries 0\n"
                    "    3000ms  any: lost error:0 (open), tries 0\n");
    EXPECT_U64(records[0].status, 0); /* of its last try */
    note(read_call(SLICE("$0 took 16s")));
    note((struct observation){.outcome = OUTCOME_AUTH}); /* no cool-down is over */
    CU_ASSERT(monitor_is_idle(monitor));
}

static void giving_up_in_a_pause_cancels_nothing(void)
{
    hooks[HOOK_ANY].script = "500";
    give_up_at = 1100 * NANOS_MS;
    tell_story("1s call $3\n");
    expect_timeline("    1000ms  any: post budget:hourly:0, try 1\n"
                    "    1010ms  any: answered 500\n"
                    "    1100ms  any: lost budget:hourly:0 (open), tries 1\n");
}

static void what_was_delivered_stays_so_when_all_is_given_up(void)
{
    open_monitor();
    note(read_call(SLICE("$3")));
    now += ANSWER_TAKES;
    answer(HOOK_ANY);
    monitor_give_up(monitor, now);
    finish_story();
    CU_ASSERT(records[0].is_delivered);
    EXPECT_I64(records[0].settled_at, now);
}

static void a_full_queue_gives_the_newest_up_at_once(void)
{
    const uint64_t too_many = 10;

    hooks[HOOK_ANY].script = "silence";
    manner.repeats_anomalies = true;
    is_quiet = true;
    give_up_at = 2 * NANOS_S;
    open_monitor();
    for (uint64_t i = 0; i < MONITOR_QUEUE_MAX + too_many; i++) {
        now = NANOS_S + (nanos)i;
        note(read_call(SLICE("$0 ended overloaded")));
    }
    EXPECT_U64(records_count, too_many);
    for (uint64_t i = 0; i < too_many; i++) {
        EXPECT_U64(records[i].alert.number, MONITOR_QUEUE_MAX + 1 + i);
        EXPECT_U64(records[i].tries, 0);
        CU_ASSERT(!records[i].is_delivered);
        EXPECT_I64(records[i].settled_at, NANOS_S + MONITOR_QUEUE_MAX + (nanos)i);
    }
    finish_story();
    EXPECT_U64(records_count, MONITOR_QUEUE_MAX + too_many);
}

/* A shell that does not ask for a while loses nothing: what cannot be kept is not raised. */
static void effects_that_nobody_takes_hold_alerts_back(void)
{
    struct observation failed = read_call(SLICE("$0 ended overloaded"));
    const uint64_t calls = 6000;
    uint64_t raised;

    manner.repeats_anomalies = true;
    is_quiet = true;
    open_monitor();
    for (uint64_t i = 0; i < calls; i++)
        monitor_note(monitor, &failed, now);
    raised = alerts_raised();
    CU_ASSERT(raised > MONITOR_QUEUE_MAX);
    CU_ASSERT(raised < calls);
    finish_story(); /* none of these is lost */
    note(failed);
    finish_story();
    EXPECT_U64(records[records_count - 1].alert.suppressed, calls - raised);
}

static void a_breach_that_found_no_room_is_told_at_the_next_call(void)
{
    struct observation failed = read_call(SLICE("$0 ended overloaded"));

    manner.repeats_anomalies = true;
    is_quiet = true;
    open_monitor();
    for (uint64_t i = 0; i < 6000; i++)
        monitor_note(monitor, &failed, now);
    monitor_note(monitor, &(struct observation){.cost = 3 * MONEY_USD, .has_answer = true}, now);
    EXPECT_U64(monitor_alerts(monitor, ALERT_BUDGET), 0);
    finish_story();
    note((struct observation){.has_answer = true});
    EXPECT_U64(monitor_alerts(monitor, ALERT_BUDGET), 1);
    finish_story();
}

/* Calls and hooks at random: whatever happens, each alert is settled once (finish_story). */
static void nothing_is_lost_or_doubled_whatever_happens(void)
{
    static const char *const words[] = {"200", "500", "dead", "429/2s", "silence", "400", "204"};
    const uint64_t seed = 529;

    is_quiet = true;
    rules.hooks[1] = HOOK_SLACK;
    rules.hooks[2] = HOOK_DISCORD;
    rules.hooks_count = 3;
    rules.cool_down = NANOS_S;
    for (uint64_t k = 0; k < 40; k++) {
        manner.repeats_anomalies = k % 2 == 1;
        give_up_at = k % 4 < 2 ? 100 * NANOS_S : 10000 * MINUTE;
        open_monitor();
        for (uint32_t i = 0; i < 200; i++) {
            for (uint64_t hook = 0; hook < HOOK_KINDS_COUNT; hook++)
                hooks[hook].script = words[rng_draw(seed, 1 + hook, k, i) % ARRAY_SIZE(words)];
            pass_time(now + (nanos)(rng_draw(seed, 9, k, i) % (uint64_t)NANOS_S));
            note(read_call(rng_draw(seed, 10, k, i) % 2 == 0 ? SLICE("$0.10 took 16s")
                                                             : SLICE("$0.02 ended overloaded")));
        }
        finish_story();
        for (int hook = 0; hook < HOOK_KINDS_COUNT; hook++)
            hooks[hook] = (struct hook){.script = "200", .answers_at = NANOS_NEVER};
    }
}

/* --- percentiles and memory ------------------------------------------------------------------- */

static void percentiles_are_kept_per_model_and_failures_apart(void)
{
    struct observation o = {.latency = 3 * NANOS_S, .has_answer = true};

    open_monitor();
    note(o);
    o.model_index = 5;
    o.latency = 7 * NANOS_S;
    note(o);
    o.has_answer = false;
    o.outcome = OUTCOME_OVERLOADED;
    o.latency = 9 * NANOS_S;
    note(o);
    o.has_answer = true;
    o.latency = NANOS_NEVER;
    note(o);
    EXPECT_U64(monitor_figures(monitor, 0).n, 1);
    EXPECT_I64(monitor_figures(monitor, 0).p99, 3 * NANOS_S);
    EXPECT_U64(monitor_figures(monitor, 5).n, 1);
    EXPECT_I64(monitor_figures(monitor, 5).p99, 7 * NANOS_S);
    EXPECT_U64(monitor_figures(monitor, 1).n, 0);
    finish_story();
}

static void survives_every_failing_allocation(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    rules.hooks[1] = HOOK_SLACK;
    rules.hooks_count = 2;
    do {
        struct memory memory;
        struct monitor_options options = {&rules, &manner, &memory};
        struct monitor *other = NULL;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = monitor_new(&other, &options, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        monitor_free(other);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static void allocates_nothing_while_the_run_runs(void)
{
    struct flaky flaky = {.allow = UINT64_MAX};
    struct memory memory = flaky_memory(&flaky);
    struct monitor_options options = {&rules, &manner, &memory};
    struct error err;

    manner.repeats_anomalies = true;
    open_monitor();
    monitor_free(monitor);
    EXPECT_RC(monitor_new(&monitor, &options, &err), RC_OK);
    flaky.allow = 0;
    for (int i = 0; i < 1000; i++) {
        note(read_call(SLICE("$9 took 16s gave 9000 ended overloaded")));
        pass_time(now + NANOS_S);
    }
    finish_story();
    CU_ASSERT(!flaky.failed);
    monitor_free(monitor);
    monitor = NULL;
    EXPECT_U64(flaky.live, 0);
}

static CU_TestInfo tests[] = {
    {"a breached window is told once", a_breached_window_is_told_once},
    {"exactly the limit is no breach", exactly_the_limit_is_no_breach},
    {"one call far above is one alert", one_call_far_above_is_one_alert},
    {"every window begins with nothing spent", every_window_begins_with_nothing_spent},
    {"budgets are counted apart", budgets_are_counted_apart},
    {"one call may tip two budgets", one_call_may_tip_two_budgets},
    {"the guide's manner alerts at every call after the breach",
     the_guides_manner_alerts_at_every_call_after_the_breach},
    {"an alert counts those that were held back", an_alert_counts_those_that_were_held_back},
    {"absurd costs saturate", absurd_costs_saturate},
    {"a kind is told once per cool-down", a_kind_is_told_once_per_cool_down},
    {"thresholds are to be exceeded", thresholds_are_to_be_exceeded},
    {"one call may be wrong in every way", one_call_may_be_wrong_in_every_way},
    {"a call that never ended is an error, but not slow",
     a_call_that_never_ended_is_an_error_but_not_slow},
    {"what is not watched is not told", what_is_not_watched_is_not_told},
    {"the guide's manner alerts at every anomaly", the_guides_manner_alerts_at_every_anomaly},
    {"without a cool-down each instant is told once",
     without_a_cool_down_each_instant_is_told_once},
    {"a dead hook is tried four times, and then again for the next",
     a_dead_hook_is_tried_four_times_and_then_again_for_the_next},
    {"advice is obeyed when it is longer than our own pause",
     advice_is_obeyed_when_it_is_longer_than_our_own_pause},
    {"an answer that stays the same loses the alert at once",
     an_answer_that_stays_the_same_loses_the_alert_at_once},
    {"a hook that is gone is left alone", a_hook_that_is_gone_is_left_alone},
    {"which answers are tried again", which_answers_are_tried_again},
    {"silence is cancelled and tried again", silence_is_cancelled_and_tried_again},
    {"an answer that comes too late changes nothing",
     an_answer_that_comes_too_late_changes_nothing},
    {"hooks do not wait for each other", hooks_do_not_wait_for_each_other},
    {"without hooks alerts are counted", without_hooks_alerts_are_counted},
    {"giving up settles everything as open", giving_up_settles_everything_as_open},
    {"giving up in a pause cancels nothing", giving_up_in_a_pause_cancels_nothing},
    {"what was delivered stays so when all is given up",
     what_was_delivered_stays_so_when_all_is_given_up},
    {"a full queue gives the newest up at once", a_full_queue_gives_the_newest_up_at_once},
    {"effects that nobody takes hold alerts back", effects_that_nobody_takes_hold_alerts_back},
    {"a breach that found no room is told at the next call",
     a_breach_that_found_no_room_is_told_at_the_next_call},
    {"nothing is lost or doubled, whatever happens", nothing_is_lost_or_doubled_whatever_happens},
    {"percentiles are kept per model, and failures apart",
     percentiles_are_kept_per_model_and_failures_apart},
    {"survives every failing allocation", survives_every_failing_allocation},
    {"allocates nothing while the run runs", allocates_nothing_while_the_run_runs},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo monitor_suite = {"monitor", NULL, NULL, set_up, tear_down, tests};
