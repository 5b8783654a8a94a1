/* Rules as a scenario has them, and one by one as a mock that runs is told them: what is read, and
 * what is printed again. What is refused stands in tests/unit/fixtures/broken. */

#include "scenario/scenario.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/tree.h"

static const char WHOLE[] = "tests/unit/fixtures/whole.jsonc";

static struct scenario scenario;
static struct chaos chaos; /* a mock's own copy */
static struct chaos_rule rule;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 16 << 20);
    if (tree_load(&scenario, WHOLE, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
    chaos = scenario.chaos;
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static enum rc read(const char *text)
{
    return scenario_read_rule(&scenario, &chaos, slice_of(text), SLICE("rule"), &arena, &rule,
                              &err);
}

static const struct chaos_rule *named(const char *name)
{
    for (uint32_t i = 0; i < scenario.chaos.rules_count; i++) {
        if (strcmp(scenario.chaos.rules[i].name, name) == 0)
            return &scenario.chaos.rules[i];
    }
    CU_FAIL_FATAL("no rule of that name");
    return NULL;
}

static const struct phase *phase_of(const struct chaos_rule *of)
{
    return &scenario.chaos.phases.list[of->phase];
}

/* The fault of a rule that has nothing else to say. */
static const struct fault *fault(const char *text)
{
    char entry[512];

    snprintf(entry, sizeof(entry), "{\"phase\": \"new\", \"fault\": %s}", text);
    if (read(entry) != RC_OK)
        CU_FAIL_FATAL(err.text);
    return &rule.sequence[0];
}

/* --- windows and selectors -------------------------------------------------------------------- */

static void windows_repeat_and_count_from_a_request_or_a_mark(void)
{
    const struct phase *turns = phase_of(named("turns"));
    const struct phase *marked = phase_of(named("marked"));

    EXPECT_I64(turns->every, 10 * NANOS_S);
    EXPECT_U64(turns->from, PHASE_FROM_FIRST_REQUEST);
    CU_ASSERT(turns->is_waiting);
    EXPECT_U64(marked->from, PHASE_FROM_MARK);
    EXPECT_TEXT(slice_of(marked->mark), "deployed");
    EXPECT_I64(marked->at, NANOS_S);
    CU_ASSERT_FALSE(phase_of(named("odd"))->is_waiting);
}

static void selectors_that_depend_on_order_are_read(void)
{
    const struct chaos_order *second = &named("turns/2")->order;
    const struct chaos_order *marked = &named("marked")->order;

    EXPECT_U64(second->nth, 3);
    EXPECT_TEXT(slice_of(second->state), "db");
    EXPECT_TEXT(slice_of(second->state_is), "down");
    EXPECT_TEXT(slice_of(second->state_becomes), "up");
    EXPECT_U64(marked->every, 2);
    EXPECT_U64(marked->times, 10);
    EXPECT_TEXT(slice_of(marked->state_is), "");
    CU_ASSERT(chaos_rule_is_ordered(named("marked")));
    CU_ASSERT_FALSE(chaos_rule_is_ordered(named("turns")));
}

static void a_rule_has_a_priority_and_may_be_switched_off(void)
{
    EXPECT_I64(named("turns")->priority, -5);
    CU_ASSERT(named("turns")->is_disabled);
    CU_ASSERT_FALSE(named("turns/2")->is_disabled);
    EXPECT_TEXT(slice_of(named("turns")->match.isolation), "test-*");
}

/* --- faults ----------------------------------------------------------------------------------- */

static void a_good_status_may_bring_an_error_body(void)
{
    const struct fault *read_in = fault("{\"status\": 200, \"failure\": \"overloaded\"}");

    EXPECT_U64(read_in->kind, FAULT_STATUS);
    EXPECT_U64(read_in->status, 200);
    EXPECT_U64(read_in->failure, OUTCOME_OVERLOADED);
    EXPECT_U64(read_in->quirks, QUIRK_ERROR_BODY);
}

static void header_lines_are_added_said_twice_or_taken_away(void)
{
    const struct fault *read_in =
        fault("{\"status\": 429, \"headers\": {\"x-a\": \"\", \"retry-after\": [\"1\", \"9\"], "
              "\"date\": null}}");

    EXPECT_U64(read_in->quirks, QUIRK_HEADERS);
    EXPECT_U64(read_in->headers_count, 4);
    EXPECT_TEXT(read_in->headers[0].name, "x-a");
    EXPECT_TEXT(read_in->headers[0].value, "");
    EXPECT_TEXT(read_in->headers[1].value, "1");
    EXPECT_TEXT(read_in->headers[2].name, "retry-after");
    EXPECT_TEXT(read_in->headers[2].value, "9");
    CU_ASSERT(read_in->headers[3].is_removed);
    CU_ASSERT_FALSE(read_in->headers[2].is_removed);
}

static void another_head_or_body_is_a_fault_of_its_own(void)
{
    EXPECT_U64(fault("{\"content_type\": null}")->quirks, QUIRK_CONTENT_TYPE);
    EXPECT_U64(rule.sequence[0].kind, FAULT_QUIRKS);
    EXPECT_U64(rule.sequence[0].content_type.size, 0);
    EXPECT_U64(fault("{\"body\": \"\", \"content_type\": \"text/html\"}")->quirks,
               QUIRK_BODY | QUIRK_CONTENT_TYPE);
    EXPECT_TEXT(rule.sequence[0].content_type, "text/html");
}

static void an_error_event_ends_the_stream_like_a_cut(void)
{
    const struct fault *read_in =
        fault("{\"error_event\": {\"after_tokens\": 5, \"form\": \"documented\"}}");

    EXPECT_U64(read_in->kind, FAULT_CUT);
    EXPECT_U64(read_in->close, PLAN_CLOSE_END);
    EXPECT_U64(read_in->tokens, 5);
    EXPECT_U64(read_in->failure, OUTCOME_OVERLOADED);
    EXPECT_U64(read_in->quirks, QUIRK_ERROR_EVENT | QUIRK_FLAT_ERROR);
    EXPECT_U64(fault("{\"error_event\": {}}")->quirks, QUIRK_ERROR_EVENT);
}

static void silence_may_be_filled(void)
{
    EXPECT_U64(fault("{\"stall\": {\"behind\": \"pings\"}}")->quirks, QUIRK_PINGS);
    EXPECT_U64(rule.sequence[0].kind, FAULT_STALL);
    EXPECT_U64(fault("{\"stall\": {\"behind\": \"comments\"}}")->quirks, QUIRK_COMMENTS);
    EXPECT_I64(fault("{\"freeze\": {\"for\": \"3s\"}}")->delay, 3 * NANOS_S);
}

/* Each is told by one quirk alone. */
static void a_quirk_has_a_word(void)
{
    static const struct {
        const char *text;
        uint32_t quirk;
    } words[] = {
        {"{\"slow_headers\": \"5ms\"}", QUIRK_SLOW_HEADERS},
        {"{\"one_byte\": true}", QUIRK_ONE_BYTE},
        {"{\"split\": \"utf8\"}", QUIRK_SPLIT_UTF8},
        {"{\"split\": \"crlf\"}", QUIRK_SPLIT_CRLF},
        {"{\"broken_json\": {}}", QUIRK_BROKEN_JSON},
        {"{\"duplicate_event\": {}}", QUIRK_DUPLICATE},
        {"{\"reorder_events\": {}}", QUIRK_REORDER},
        {"{\"done\": \"missing\"}", QUIRK_DONE_MISSING},
        {"{\"done\": \"early\"}", QUIRK_DONE_EARLY},
        {"{\"done\": \"wrong\"}", QUIRK_DONE_WRONG},
        {"{\"event_names\": false}", QUIRK_NO_EVENT_NAMES},
        {"{\"usage\": \"missing\"}", QUIRK_USAGE_MISSING},
        {"{\"usage\": \"zero\"}", QUIRK_USAGE_ZERO},
        {"{\"usage\": {\"times\": 3}}", QUIRK_USAGE_WRONG},
        {"{\"empty_answer\": true}", QUIRK_EMPTY},
        {"{\"runaway\": 5000}", QUIRK_RUNAWAY},
        {"{\"foreign_text\": true}", QUIRK_FOREIGN},
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        EXPECT_U64(fault(words[i].text)->quirks, words[i].quirk);
        EXPECT_U64(rule.sequence[0].kind, FAULT_QUIRKS);
    }
}

static void connections_fail_in_seven_ways(void)
{
    static const struct {
        const char *text;
        enum connection_fault connection;
        enum plan_close close;
    } ways[] = {
        {"\"refused\"", CONNECTION_REFUSED, PLAN_CLOSE_RST},
        {"\"closed\"", CONNECTION_CLOSED, PLAN_CLOSE_FIN},
        {"\"reset\"", CONNECTION_CLOSED, PLAN_CLOSE_RST},
        {"\"silent\"", CONNECTION_SILENT, PLAN_CLOSE_END},
        {"{\"idle_closed\": {\"after\": \"5s\"}}", CONNECTION_IDLE_CLOSED, PLAN_CLOSE_FIN},
        {"{\"idle_closed\": {\"after\": \"5s\", \"by\": \"silent\"}}", CONNECTION_IDLE_CLOSED,
         PLAN_CLOSE_END},
        {"{\"slow\": \"2s\"}", CONNECTION_SLOW, PLAN_CLOSE_END},
        {"{\"limit\": 10}", CONNECTION_LIMIT, PLAN_CLOSE_END},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        char text[96];

        snprintf(text, sizeof(text), "{\"connection\": %s}", ways[i].text);
        EXPECT_U64(fault(text)->kind, FAULT_CONNECTION);
        EXPECT_U64(rule.sequence[0].connection, ways[i].connection);
        EXPECT_U64(rule.sequence[0].close, ways[i].close);
    }
    EXPECT_U64(rule.sequence[0].tokens, 10);
}

static void a_capacity_is_a_share_of_the_places(void)
{
    EXPECT_U64(fault("{\"capacity\": \"30%\"}")->kind, FAULT_CAPACITY);
    CU_ASSERT_EQUAL(rule.sequence[0].factor, 0.3);
}

/* --- rules for a mock that runs --------------------------------------------------------------- */

static void a_rule_of_a_known_phase_needs_no_window(void)
{
    uint32_t phases = chaos.phases.count;

    EXPECT_RC(read("{\"phase\": \"storm\", \"fault\": {\"status\": 529}}"), RC_OK);
    EXPECT_U64(rule.phase, 0);
    EXPECT_U64(chaos.phases.count, phases);
    EXPECT_TEXT(slice_of(rule.name), "storm/5");
}

static void a_rule_may_bring_a_window_of_its_own(void)
{
    uint32_t phases = chaos.phases.count;
    uint32_t rules = chaos.rules_count;

    EXPECT_RC(read("{\"phase\": \"new\", \"at\": \"9d\", \"for\": \"1s\", \"fault\": {\"status\": "
                   "529}}"),
              RC_OK);
    EXPECT_U64(rule.phase, phases);
    EXPECT_U64(chaos.phases.count, phases + 1);
    EXPECT_U64(chaos.rules_count, rules);
    EXPECT_I64(chaos.phases.list[phases].at, 9 * 86400 * NANOS_S);
}

static void a_known_name_means_that_rule(void)
{
    EXPECT_RC(read("{\"phase\": \"odd\", \"rule\": \"odd\", \"fault\": {\"status\": 500}}"), RC_OK);
    EXPECT_TEXT(slice_of(rule.name), "odd");
    EXPECT_RC(chaos_put(&chaos, &rule), RC_OK);
    EXPECT_U64(chaos.rules_count, scenario.chaos.rules_count);
}

static void a_rule_that_is_refused_leaves_everything_as_it_was(void)
{
    uint32_t phases = chaos.phases.count;

    EXPECT_RC(read("{\"phase\": \"new\", \"fault\": {\"statu\": 529}}"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text),
                "rule:1:28: found \"statu\", expected a key out of status, reset, slow_headers, "
                "late_first_token, slow_tokens, context_window, stall, freeze, one_byte, split, "
                "tokens_per_event, error_event, cut, broken_json, ...; did you mean \"status\"?");
    EXPECT_U64(chaos.phases.count, phases);
}

/* The text is gone when the mock needs the rule. */
static void a_rule_outlives_its_text(void)
{
    char text[] = "{\"phase\": \"new\", \"fault\": {\"headers\": {\"x-a\": \"kept\"}, \"body\": "
                  "\"whole\"}}";

    EXPECT_RC(read(text), RC_OK);
    memset(text, '#', sizeof(text) - 1);
    EXPECT_TEXT(rule.sequence[0].headers[0].value, "kept");
    EXPECT_TEXT(rule.sequence[0].body, "whole");
}

static struct slice print(uint32_t index)
{
    struct buffer out;
    struct slice printed;

    buffer_init(&out, memory_heap(), 1 << 16);
    scenario_write_rule(&scenario, &chaos, index, &out);
    printed = arena_copy(&arena, buffer_slice(&out));
    buffer_deinit(&out);
    return printed;
}

static void expect_same_headers(const struct fault *a, const struct fault *b)
{
    EXPECT_U64(a->headers_count, b->headers_count);
    for (uint32_t i = 0; i < a->headers_count && i < b->headers_count; i++) {
        CU_ASSERT(slice_is(a->headers[i].name, b->headers[i].name));
        CU_ASSERT(slice_is(a->headers[i].value, b->headers[i].value));
        EXPECT_U64(a->headers[i].is_removed, b->headers[i].is_removed);
    }
}

static void expect_same_fault(const struct fault *a, const struct fault *b)
{
    EXPECT_U64(a->kind, b->kind);
    EXPECT_U64(a->status, b->status);
    EXPECT_U64(a->failure, b->failure);
    EXPECT_U64(a->advice, b->advice);
    EXPECT_I64(a->advice_wait, b->advice_wait);
    CU_ASSERT_STRING_EQUAL(a->advice_raw, b->advice_raw);
    CU_ASSERT_EQUAL(a->factor, b->factor);
    EXPECT_I64(a->delay, b->delay);
    EXPECT_U64(a->tokens, b->tokens);
    EXPECT_U64(a->close, b->close);
    EXPECT_U64(a->quirks, b->quirks);
    EXPECT_U64(a->connection, b->connection);
    CU_ASSERT(slice_is(a->body, b->body));
    CU_ASSERT(slice_is(a->content_type, b->content_type));
    expect_same_headers(a, b);
}

static void expect_same_pattern(const struct pattern *a, const struct pattern *b)
{
    CU_ASSERT_FATAL((a == NULL) == (b == NULL));
    if (a == NULL)
        return;
    EXPECT_U64(a->kind, b->kind);
    CU_ASSERT(slice_is(a->text, b->text));
}

static void expect_same_conditions(const struct match *a, const struct match *b)
{
    EXPECT_U64(a->conditions_count, b->conditions_count);
    for (uint32_t i = 0; i < a->conditions_count && i < b->conditions_count; i++) {
        EXPECT_U64(a->conditions[i].kind, b->conditions[i].kind);
        EXPECT_U64(a->conditions[i].is_absent, b->conditions[i].is_absent);
        CU_ASSERT(slice_is(a->conditions[i].name, b->conditions[i].name));
        expect_same_pattern(a->conditions[i].pattern, b->conditions[i].pattern);
    }
}

static void expect_same_match(const struct match *a, const struct match *b)
{
    CU_ASSERT_STRING_EQUAL(a->provider, b->provider);
    CU_ASSERT_STRING_EQUAL(a->model, b->model);
    CU_ASSERT_STRING_EQUAL(a->isolation, b->isolation);
    EXPECT_U64(a->has_stream, b->has_stream);
    EXPECT_U64(a->stream, b->stream);
    EXPECT_U64(a->input_tokens_min, b->input_tokens_min);
    EXPECT_U64(a->input_tokens_max, b->input_tokens_max);
    expect_same_conditions(a, b);
}

static void expect_same_rule(const struct chaos_rule *a, const struct chaos_rule *b)
{
    CU_ASSERT_STRING_EQUAL(a->name, b->name);
    EXPECT_U64(a->phase, b->phase);
    CU_ASSERT_EQUAL(a->share, b->share);
    EXPECT_I64(a->priority, b->priority);
    EXPECT_U64(a->order.nth, b->order.nth);
    EXPECT_U64(a->order.every, b->order.every);
    EXPECT_U64(a->order.times, b->order.times);
    CU_ASSERT_STRING_EQUAL(a->order.state, b->order.state);
    CU_ASSERT_STRING_EQUAL(a->order.state_is, b->order.state_is);
    CU_ASSERT_STRING_EQUAL(a->order.state_becomes, b->order.state_becomes);
    EXPECT_U64(a->is_disabled, b->is_disabled);
    expect_same_match(&a->match, &b->match);
    EXPECT_U64(a->sequence_count, b->sequence_count);
    for (uint32_t i = 0; i < a->sequence_count && i < b->sequence_count; i++)
        expect_same_fault(&a->sequence[i], &b->sequence[i]);
}

static void each_rule_prints_as_one_that_reads_the_same(void)
{
    for (uint32_t i = 0; i < chaos.rules_count; i++) {
        struct slice first = print(i);

        if (scenario_read_rule(&scenario, &chaos, first, SLICE("printed"), &arena, &rule, &err) !=
            RC_OK)
            CU_FAIL_FATAL(err.text);
        expect_same_rule(&rule, &scenario.chaos.rules[i]);
        EXPECT_RC(chaos_put(&chaos, &rule), RC_OK);
        EXPECT_U64(chaos.rules_count, scenario.chaos.rules_count);
        expect_text(print(i), first, &(struct expect_place){"a rule", __FILE__, __LINE__});
    }
}

static void a_window_that_was_marked_prints_as_it_was_said(void)
{
    uint32_t index = (uint32_t)(named("marked") - scenario.chaos.rules);
    struct slice said = print(index);

    CU_ASSERT(chaos_mark(&chaos, SLICE("deployed"), 500 * NANOS_S));
    CU_ASSERT(slice_is(print(index), said));
}

static void memory_may_run_out_anywhere(void)
{
    static const char text[] = "{\"phase\": \"new\", \"fault\": [{\"headers\": {\"x-a\": "
                               "\"\\u00e4\"}, \"body\": \"\\u00e4\"}, \"ok\"]}";
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct arena poor;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&poor, &memory, 1 << 20);
        rc = scenario_read_rule(&scenario, &chaos, slice_of(text), SLICE("poor"), &poor, &rule,
                                &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&poor);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo tests[] = {
    {"windows repeat and count from a request or a mark",
     windows_repeat_and_count_from_a_request_or_a_mark},
    {"selectors that depend on order are read", selectors_that_depend_on_order_are_read},
    {"a rule has a priority and may be switched off",
     a_rule_has_a_priority_and_may_be_switched_off},
    {"a good status may bring an error body", a_good_status_may_bring_an_error_body},
    {"header lines are added, said twice, or taken away",
     header_lines_are_added_said_twice_or_taken_away},
    {"another head or body is a fault of its own", another_head_or_body_is_a_fault_of_its_own},
    {"an error event ends the stream like a cut", an_error_event_ends_the_stream_like_a_cut},
    {"silence may be filled", silence_may_be_filled},
    {"a quirk has a word", a_quirk_has_a_word},
    {"connections fail in seven ways", connections_fail_in_seven_ways},
    {"a capacity is a share of the places", a_capacity_is_a_share_of_the_places},
    {"a rule of a known phase needs no window", a_rule_of_a_known_phase_needs_no_window},
    {"a rule may bring a window of its own", a_rule_may_bring_a_window_of_its_own},
    {"a known name means that rule", a_known_name_means_that_rule},
    {"a rule that is refused leaves everything as it was",
     a_rule_that_is_refused_leaves_everything_as_it_was},
    {"a rule outlives its text", a_rule_outlives_its_text},
    {"each rule prints as one that reads the same", each_rule_prints_as_one_that_reads_the_same},
    {"a window that was marked prints as it was said",
     a_window_that_was_marked_prints_as_it_was_said},
    {"memory may run out anywhere", memory_may_run_out_anywhere},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo rules_suite = {"rules", NULL, NULL, set_up, tear_down, tests};
