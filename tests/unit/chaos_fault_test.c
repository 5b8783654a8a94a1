#include <CUnit/CUnit.h>

#include <string.h>

#include "base/rng.h"
#include "fault/chaos.h"
#include "tests/support/expect.h"
#include "tests/support/stage.h"

static struct script script;

static void set_up(void)
{
    stage_set();
    script = (struct script){.name = "weather"};
}

static void fault(struct fault one)
{
    stage.chaos.rules_count = 0;
    (void)stage_add(0, 1.0, one);
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    CU_ASSERT_PTR_EQUAL(stage.plan.fault, &stage.faults[0][0]);
}

static void quirk(uint32_t bits, uint64_t tokens)
{
    fault((struct fault){.kind = FAULT_QUIRKS, .quirks = bits, .tokens = tokens});
    EXPECT_U64(stage.plan.quirks, bits);
}

/* --- every fault, whatever it is -------------------------------------------------------------- */

/* One of each kind of an attempt, and each quirk alone. */
static uint32_t each_fault(struct fault *faults)
{
    static const struct fault kinds[] = {
        {.kind = FAULT_NONE},
        {.kind = FAULT_STATUS, .status = 529, .failure = OUTCOME_OVERLOADED},
        {.kind = FAULT_STATUS,
         .status = 200,
         .failure = OUTCOME_OVERLOADED,
         .quirks = QUIRK_ERROR_BODY},
        {.kind = FAULT_SLOW_TOKENS, .factor = 10},
        {.kind = FAULT_LATE_FIRST, .delay = NANOS_S},
        {.kind = FAULT_CONTEXT_WINDOW, .tokens = 700},
        {.kind = FAULT_CUT, .tokens = 5, .close = PLAN_CLOSE_FIN},
        {.kind = FAULT_CUT,
         .tokens = 5,
         .failure = OUTCOME_OVERLOADED,
         .quirks = QUIRK_ERROR_EVENT},
        {.kind = FAULT_STALL, .tokens = 5},
        {.kind = FAULT_STALL, .tokens = 5, .quirks = QUIRK_PINGS},
        {.kind = FAULT_RESET, .close = PLAN_CLOSE_RST},
        {.kind = FAULT_FREEZE, .tokens = 5, .delay = 3 * NANOS_S},
        {.kind = FAULT_TOKENS_PER_EVENT, .tokens = 50},
    };
    uint32_t count = sizeof(kinds) / sizeof(kinds[0]);

    memcpy(faults, kinds, sizeof(kinds));
    for (int i = 0; i < QUIRKS_COUNT; i++)
        faults[count++] = (struct fault){
            .kind = FAULT_QUIRKS, .quirks = 1u << i, .tokens = 100, .factor = 2, .delay = NANOS_MS};
    return count;
}

static void share_0_never_fires_and_share_1_always_whatever_the_fault(void)
{
    struct fault faults[64];
    uint32_t count = each_fault(faults);

    CU_ASSERT(count > QUIRKS_COUNT);
    for (uint32_t i = 0; i < count; i++) {
        stage.chaos.rules_count = 0;
        (void)stage_add(0, 0.0, faults[i]);
        (void)stage_add(1, 1.0, faults[i]);
        for (int call = 0; call < 200; call++) {
            stage_become_call(call);
            EXPECT_I64(stage_fired(STAGE_OPEN), 1);
            EXPECT_U64(stage.plan.rules_matched, 3);
        }
    }
}

/* A firing always shows: nothing that fires leaves the plan as it would have been. */
static void what_fires_changes_the_plan_of_streams_and_of_whole_bodies(void)
{
    struct fault faults[64];
    uint32_t count = each_fault(faults);

    for (uint32_t i = 1; i < 2 * count; i++) {
        struct plan undisturbed;

        if (i == count)
            continue; /* FAULT_NONE */
        stage.facts.stream = i < count;
        stage.chaos.rules_count = 0;
        EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
        undisturbed = stage.plan;
        (void)stage_add(0, 1.0, faults[i % count]);
        if (stage_fired(STAGE_OPEN) == PLAN_NO_RULE) {
            CU_ASSERT(!stage.facts.stream);
            EXPECT_U64(stage.plan.rules_matched, 0);
            continue;
        }
        undisturbed.rule = stage.plan.rule;
        undisturbed.rules_matched = stage.plan.rules_matched;
        undisturbed.fault = stage.plan.fault;
        CU_ASSERT(memcmp(&undisturbed, &stage.plan, sizeof(undisturbed)) != 0);
    }
}

static void faults_of_events_match_streams_only(void)
{
    static const uint32_t of_events[] = {QUIRK_SPLIT_UTF8,   QUIRK_SPLIT_CRLF,    QUIRK_PINGS,
                                         QUIRK_COMMENTS,     QUIRK_ERROR_EVENT,   QUIRK_DONE_EARLY,
                                         QUIRK_DONE_MISSING, QUIRK_DONE_WRONG,    QUIRK_DUPLICATE,
                                         QUIRK_REORDER,      QUIRK_NO_EVENT_NAMES};
    struct chaos_rule *rule;

    for (size_t i = 0; i < sizeof(of_events) / sizeof(of_events[0]); i++) {
        stage.facts.stream = true;
        quirk(of_events[i], 3);
        rule = &stage.chaos.rules[0];
        CU_ASSERT(chaos_rule_matches(rule, &stage.facts));
        stage.facts.stream = false;
        CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
        EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
        CU_ASSERT_DOUBLE_EQUAL(chaos_rule_chance(&stage.chaos, 0, &stage.facts), 0.0, 0.0);
    }
    rule = stage_add(0, 1.0, (struct fault){.kind = FAULT_TOKENS_PER_EVENT, .tokens = 9});
    CU_ASSERT(!chaos_rule_matches(rule, &stage.facts));
    rule = stage_add(0, 1.0, (struct fault){.kind = FAULT_CUT, .quirks = QUIRK_INSIDE_EVENT});
    CU_ASSERT(chaos_rule_matches(rule, &stage.facts)); /* inside the body then */
}

static void what_the_api_has_no_place_for_does_not_fire(void)
{
    quirk(QUIRK_DONE_MISSING, 0);
    stage.facts.quirks_impossible = QUIRK_DONE_MISSING | QUIRK_NO_EVENT_NAMES;
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.rules_matched, 0);
    quirk(QUIRK_DONE_EARLY, 0);
}

static void faults_of_connections_and_capacity_match_no_attempt(void)
{
    (void)stage_add(0, 1.0, (struct fault){.kind = FAULT_CONNECTION});
    (void)stage_add(0, 1.0, (struct fault){.kind = FAULT_CAPACITY, .factor = 0.5});
    (void)stage_add(0, 1.0, stage_overload());
    EXPECT_I64(stage_fired(STAGE_OPEN), 2);
    EXPECT_U64(stage.plan.rules_matched, 4);
}

static void posts_to_hooks_are_matched_by_rules_that_say_so(void)
{
    struct model slack = {.name = "slack", .tokens_per_s = 1, .context_window = UINT64_MAX};
    struct chaos_rule *rule;

    (void)stage_add(0, 1.0, stage_overload());
    rule = stage_add(0, 1.0, stage_status(410, OUTCOME_INVALID_REQUEST));
    strcpy(rule->match.provider, "hooks");
    strcpy(rule->match.model, "slack");
    EXPECT_I64(stage_fired(STAGE_OPEN), 0);
    stage.facts.provider = SLICE("hooks");
    stage.facts.model = &slack;
    stage.facts.stream = false;
    EXPECT_I64(stage_fired(STAGE_OPEN), 1);
    EXPECT_U64(stage.plan.status, 410);
}

/* --- heads and bodies ------------------------------------------------------------------------- */

static void an_error_body_is_a_refusal_of_status_200(void)
{
    fault((struct fault){.kind = FAULT_STATUS,
                         .status = 200,
                         .failure = OUTCOME_OVERLOADED,
                         .quirks = QUIRK_ERROR_BODY | QUIRK_HEADERS});
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.status, 200);
    EXPECT_U64(stage.plan.failure, OUTCOME_OVERLOADED);
    EXPECT_U64(stage.plan.quirks, QUIRK_ERROR_BODY | QUIRK_HEADERS);
}

static void a_status_may_have_a_head_and_a_body_of_its_own(void)
{
    struct fault one = stage_overload();

    stage.facts.script = &script;
    one.quirks = QUIRK_BODY | QUIRK_CONTENT_TYPE | QUIRK_HEADERS | QUIRK_SLOW_HEADERS;
    one.body = SLICE("<html>busy</html>");
    fault(one);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.quirks, one.quirks);
    CU_ASSERT_PTR_NULL(stage.plan.script); /* nothing is said */
    EXPECT_I64(stage.plan.token_gap, 0);
}

static void a_body_alone_is_a_200_whatever_was_asked(void)
{
    quirk(QUIRK_BODY, 0);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    CU_ASSERT(!stage.plan.stream);
    EXPECT_U64(stage.plan.output_tokens, 0);
    EXPECT_I64(plan_ends_at(&stage.plan), 0);
    stage.facts.input_tokens = 200001;
    quirk(QUIRK_BODY, 0);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    EXPECT_U64(stage.plan.failure, OUTCOME_OK);
}

static void what_is_done_to_heads_is_done_to_the_models_own_refusal(void)
{
    stage.facts.input_tokens = 200001;
    quirk(QUIRK_HEADERS, 0);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.failure, OUTCOME_CONTEXT_LENGTH);
    stage.faults[0][0].quirks = QUIRK_DUPLICATE;
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
    EXPECT_U64(stage.plan.quirks, 0);
}

static void slow_headers_keep_their_gap_for_themselves(void)
{
    nanos first_token;

    (void)stage_fired(STAGE_OPEN);
    first_token = stage.plan.first_token;
    fault(
        (struct fault){.kind = FAULT_QUIRKS, .quirks = QUIRK_SLOW_HEADERS, .delay = 5 * NANOS_MS});
    EXPECT_I64(stage.plan.first_token, first_token);
    fault((struct fault){.kind = FAULT_QUIRKS, .quirks = QUIRK_FOREIGN, .delay = 5 * NANOS_MS});
    EXPECT_I64(stage.plan.first_token, first_token + 5 * NANOS_MS);
}

static void a_reset_has_no_bytes_to_spoil(void)
{
    fault((struct fault){.kind = FAULT_RESET, .close = PLAN_CLOSE_FIN, .quirks = QUIRK_HEADERS});
    EXPECT_U64(stage.plan.quirks, 0);
}

/* --- during the answer ------------------------------------------------------------------------ */

static void an_error_event_ends_the_answer_where_it_comes(void)
{
    fault((struct fault){.kind = FAULT_CUT,
                         .tokens = 5,
                         .failure = OUTCOME_OVERLOADED,
                         .quirks = QUIRK_ERROR_EVENT | QUIRK_FLAT_ERROR});
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    EXPECT_U64(stage.plan.failure, OUTCOME_OK);
    EXPECT_U64(stage.plan.ending, PLAN_CUT);
    EXPECT_U64(stage.plan.close, PLAN_CLOSE_END);
    EXPECT_U64(plan_tokens_to_come(&stage.plan), 5);
    EXPECT_U64(stage.plan.quirks, QUIRK_ERROR_EVENT | QUIRK_FLAT_ERROR);
}

static void a_freeze_lets_nothing_through_and_then_all_that_was_due(void)
{
    nanos silence_at, first_token;

    (void)stage_fired(STAGE_OPEN);
    first_token = stage.plan.first_token;
    fault((struct fault){.kind = FAULT_FREEZE, .tokens = 12, .delay = 205 * NANOS_MS});
    EXPECT_I64(stage.plan.first_token, first_token);
    silence_at = plan_token_at(&stage.plan, 11);
    EXPECT_I64(plan_token_at(&stage.plan, 12), silence_at + 205 * NANOS_MS);
    EXPECT_I64(plan_token_at(&stage.plan, 21), silence_at + 205 * NANOS_MS);
    EXPECT_I64(plan_token_at(&stage.plan, 22), silence_at + 220 * NANOS_MS);
    EXPECT_U64(plan_tokens_due(&stage.plan, silence_at + 205 * NANOS_MS - 1), 12);
    EXPECT_U64(plan_tokens_due(&stage.plan, silence_at + 205 * NANOS_MS), 22);
}

static void a_short_answer_freezes_before_its_last_token(void)
{
    stage.facts.output_tokens = 3;
    fault((struct fault){.kind = FAULT_FREEZE, .tokens = 12, .delay = NANOS_S});
    EXPECT_U64(stage.plan.freeze_at_token, 2);
    EXPECT_I64(plan_ends_at(&stage.plan), plan_token_at(&stage.plan, 1) + NANOS_S);
}

static void many_tokens_come_in_one_event(void)
{
    fault((struct fault){.kind = FAULT_TOKENS_PER_EVENT, .tokens = 50});
    EXPECT_U64(stage.plan.tokens_per_event, 50);
    EXPECT_U64(stage.plan.output_tokens, 27);
}

static void the_event_that_is_spoiled_is_one_there_is(void)
{
    quirk(QUIRK_BROKEN_JSON, 5);
    EXPECT_U64(stage.plan.tokens_before_end, 5);
    EXPECT_U64(stage.plan.ending, PLAN_WHOLE);
    EXPECT_U64(plan_tokens_to_come(&stage.plan), 27);
    quirk(QUIRK_DUPLICATE, 99);
    EXPECT_U64(stage.plan.tokens_before_end, 26);
}

static void an_empty_answer_is_whole(void)
{
    stage.facts.wants_thinking = true;
    stage.model.thinking = (struct distribution){DISTRIBUTION_FIXED, 20, 20};
    quirk(QUIRK_EMPTY, 0);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    EXPECT_U64(stage.plan.ending, PLAN_WHOLE);
    EXPECT_U64(stage.plan.output_tokens, 0);
    EXPECT_U64(stage.plan.thinking_tokens, 0);
}

static void a_runaway_does_not_heed_max_tokens(void)
{
    stage.facts.output_tokens_max = 10;
    quirk(QUIRK_RUNAWAY, 5000);
    EXPECT_U64(stage.plan.output_tokens, 5000);
    EXPECT_U64(stage.plan.stop, STOP_END);
    stage.facts.output_tokens_max = UINT64_MAX;
    stage.facts.output_tokens = 5000; /* it was to be as long as that */
    EXPECT_I64(stage_fired(STAGE_OPEN), PLAN_NO_RULE);
}

/* --- the model, and what it says -------------------------------------------------------------- */

static void a_gap_may_be_drawn_for_each_attempt(void)
{
    double u =
        rng_unit(STAGE_SEED, rng_stream(SLICE("token_gap")), slice_hash(stage.facts.call), 1);

    stage.model.has_token_gap = true;
    stage.model.token_gap = (struct distribution){DISTRIBUTION_LOGNORMAL, 2e7, 1e8};
    (void)stage_fired(STAGE_OPEN);
    EXPECT_I64(stage.plan.token_gap, (nanos)(distribution_at(&stage.model.token_gap, u) + 0.5));
    stage.model.token_gap = (struct distribution){DISTRIBUTION_FIXED, 3e7, 3e7};
    (void)stage_fired(STAGE_OPEN);
    EXPECT_I64(stage.plan.token_gap, 30 * NANOS_MS);
}

static void thinking_comes_before_the_answer_when_it_is_wanted(void)
{
    stage.model.thinking = (struct distribution){DISTRIBUTION_FIXED, 20, 20};
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 0);
    stage.facts.wants_thinking = true;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 20);
    EXPECT_U64(stage.plan.output_tokens, 47);
    stage.facts.output_tokens_max = 15;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 15);
    EXPECT_U64(stage.plan.output_tokens, 15);
    EXPECT_U64(stage.plan.stop, STOP_MAX_TOKENS);
}

static void thinks_the_usual_where_nobody_says_how_much_and_leaves_room_for_text(void)
{
    stage.facts.thinking_usual = 8;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 0);
    stage.facts.wants_thinking = true;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 8);
    EXPECT_U64(stage.plan.output_tokens, 35);
    stage.facts.output_tokens_max = 5;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 2);
    EXPECT_U64(stage.plan.output_tokens, 5);
    stage.model.thinking = (struct distribution){DISTRIBUTION_FIXED, 3, 3};
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, 3);
}

static void thinking_is_drawn_by_a_stream_of_its_own(void)
{
    double u = rng_unit(STAGE_SEED, rng_stream(SLICE("thinking")), slice_hash(stage.facts.call), 1);
    double drawn;

    stage.facts.wants_thinking = true;
    stage.model.thinking = (struct distribution){DISTRIBUTION_LOGNORMAL, 200, 4000};
    drawn = distribution_at(&stage.model.thinking, u);
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.thinking_tokens, (uint64_t)(drawn + 0.5));
}

static void a_scripted_text_counts_four_bytes_a_token(void)
{
    stage.facts.script = &script;
    script.text = SLICE("It rains in Paris."); /* 18 bytes */
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.output_tokens, 5);
    EXPECT_U64(stage.plan.stop, STOP_END);
    CU_ASSERT_PTR_EQUAL(stage.plan.script, &script);
    script.text = SLICE("!");
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.output_tokens, 1);
    script.text = (struct slice){0};
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.output_tokens, 27); /* numbered words, as asked */
}

static void a_scripted_tool_follows_the_text(void)
{
    stage.facts.script = &script;
    script.text = SLICE("Looking.");
    script.tool_name = SLICE("get_weather");
    script.tool_input = SLICE("{\"city\":\"Paris\"}"); /* 16 bytes */
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.output_tokens, 6);
    EXPECT_U64(stage.plan.tool_tokens, 4);
    EXPECT_U64(stage.plan.stop, STOP_TOOL);
    stage.facts.output_tokens_max = 3;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.tool_tokens, 1);
    EXPECT_U64(stage.plan.stop, STOP_MAX_TOKENS);
    stage.facts.output_tokens_max = 1;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.tool_tokens, 0);
    EXPECT_U64(stage.plan.output_tokens, 1);
}

static void a_script_says_why_it_stops_and_how_long_it_thinks(void)
{
    stage.facts.script = &script;
    script.text = SLICE("No.");
    script.has_stop = true;
    script.stop = STOP_REFUSAL;
    script.has_thinking_tokens = true;
    script.thinking_tokens = 20;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.stop, STOP_REFUSAL);
    EXPECT_U64(stage.plan.thinking_tokens, 20);
    EXPECT_U64(stage.plan.output_tokens, 21);
}

static void the_window_may_stop_an_answer_instead_of_refusing_it(void)
{
    stage.model.stops_at_window = true;
    stage.facts.input_tokens = 199990;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.kind, PLAN_ANSWER);
    EXPECT_U64(stage.plan.output_tokens, 10);
    EXPECT_U64(stage.plan.stop, STOP_WINDOW);
    stage.facts.output_tokens_max = 4;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.output_tokens, 4);
    EXPECT_U64(stage.plan.stop, STOP_MAX_TOKENS);
    stage.facts.input_tokens = 200001;
    (void)stage_fired(STAGE_OPEN);
    EXPECT_U64(stage.plan.kind, PLAN_REFUSAL);
    EXPECT_U64(stage.plan.failure, OUTCOME_CONTEXT_LENGTH);
}

static CU_TestInfo tests[] = {
    {"share 0 never fires, and share 1 always, whatever the fault",
     share_0_never_fires_and_share_1_always_whatever_the_fault},
    {"what fires changes the plan, of streams and of whole bodies",
     what_fires_changes_the_plan_of_streams_and_of_whole_bodies},
    {"faults of events match streams only", faults_of_events_match_streams_only},
    {"what the API has no place for does not fire", what_the_api_has_no_place_for_does_not_fire},
    {"faults of connections and capacity match no attempt",
     faults_of_connections_and_capacity_match_no_attempt},
    {"posts to hooks are matched by rules that say so",
     posts_to_hooks_are_matched_by_rules_that_say_so},
    {"an error body is a refusal of status 200", an_error_body_is_a_refusal_of_status_200},
    {"a status may have a head and a body of its own",
     a_status_may_have_a_head_and_a_body_of_its_own},
    {"a body alone is a 200, whatever was asked", a_body_alone_is_a_200_whatever_was_asked},
    {"what is done to heads is done to the model's own refusal",
     what_is_done_to_heads_is_done_to_the_models_own_refusal},
    {"slow headers keep their gap for themselves", slow_headers_keep_their_gap_for_themselves},
    {"a reset has no bytes to spoil", a_reset_has_no_bytes_to_spoil},
    {"an error event ends the answer where it comes",
     an_error_event_ends_the_answer_where_it_comes},
    {"a freeze lets nothing through, and then all that was due",
     a_freeze_lets_nothing_through_and_then_all_that_was_due},
    {"a short answer freezes before its last token", a_short_answer_freezes_before_its_last_token},
    {"many tokens come in one event", many_tokens_come_in_one_event},
    {"the event that is spoiled is one there is", the_event_that_is_spoiled_is_one_there_is},
    {"an empty answer is whole", an_empty_answer_is_whole},
    {"a runaway does not heed max_tokens", a_runaway_does_not_heed_max_tokens},
    {"a gap may be drawn for each attempt", a_gap_may_be_drawn_for_each_attempt},
    {"thinking comes before the answer, when it is wanted",
     thinking_comes_before_the_answer_when_it_is_wanted},
    {"thinks the usual where nobody says how much, and leaves room for text",
     thinks_the_usual_where_nobody_says_how_much_and_leaves_room_for_text},
    {"thinking is drawn by a stream of its own", thinking_is_drawn_by_a_stream_of_its_own},
    {"a scripted text counts four bytes a token", a_scripted_text_counts_four_bytes_a_token},
    {"a scripted tool follows the text", a_scripted_tool_follows_the_text},
    {"a script says why it stops and how long it thinks",
     a_script_says_why_it_stops_and_how_long_it_thinks},
    {"the window may stop an answer instead of refusing it",
     the_window_may_stop_an_answer_instead_of_refusing_it},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo chaos_fault_suite = {"chaos_fault", NULL, NULL, set_up, NULL, tests};
