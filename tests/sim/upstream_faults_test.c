/* Every fault that a scenario may name, on streams and on whole answers, in every API: what our own
 * client makes of it, and that the journal tells the truth about it. */

#include "engine/upstream.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/exchanges.h"
#include "tests/support/expect.h"

enum { CALLS = 6 };

/* What becomes of an answer. */
struct told_of_it {
    enum outcome outcome; /* to our client */
    uint16_t status;      /* 0: none */
    bool is_complete;     /* in the journal */
    uint64_t tokens;      /* written */
};

/* clang-format off */
#define WELL {OUTCOME_OK, 200, true, 5}
static const struct fault_case {
    const char *fault;
    struct told_of_it stream, whole;
    bool of_streams_only;
} cases[] = {
    {"{\"status\": 529}", {OUTCOME_OVERLOADED, 529, true, 0}, {OUTCOME_OVERLOADED, 529, true, 0}, false},
    {"{\"status\": 429, \"retry_after\": \"1.5s\"}",
     {OUTCOME_RATE_LIMITED, 429, true, 0}, {OUTCOME_RATE_LIMITED, 429, true, 0}, false},
    {"{\"status\": 503, \"body\": \"<html>\", \"content_type\": \"text/html\"}",
     {OUTCOME_OVERLOADED, 503, true, 0}, {OUTCOME_OVERLOADED, 503, true, 0}, false},
    {"{\"status\": 500, \"body\": \"\"}",
     {OUTCOME_SERVER_ERROR, 500, true, 0}, {OUTCOME_SERVER_ERROR, 500, true, 0}, false},
    {"{\"reset\": \"rst\"}", {OUTCOME_RESET_BEFORE, 0, false, 0}, {OUTCOME_RESET_BEFORE, 0, false, 0}, false},
    {"{\"reset\": \"fin\"}", {OUTCOME_RESET_BEFORE, 0, false, 0}, {OUTCOME_RESET_BEFORE, 0, false, 0}, false},
    {"{\"slow_headers\": \"5ms\"}", WELL, WELL, false},
    {"{\"late_first_token\": \"3s\"}", WELL, WELL, false},
    {"{\"slow_tokens\": 10}", WELL, WELL, false},
    {"{\"context_window\": 7}",
     {OUTCOME_CONTEXT_LENGTH, 400, true, 0}, {OUTCOME_CONTEXT_LENGTH, 400, true, 0}, false},
    {"{\"freeze\": {\"after_tokens\": 2, \"for\": \"3s\"}}", WELL, WELL, false},
    {"{\"one_byte\": true}", WELL, WELL, false},
    {"{\"split\": \"utf8\"}", WELL, WELL, true},
    {"{\"split\": \"crlf\"}", WELL, WELL, true},
    {"{\"tokens_per_event\": 2}", WELL, WELL, true},
    {"{\"cut\": {\"after_tokens\": 2, \"by\": \"end\"}}",
     {OUTCOME_TRUNCATED, 200, false, 2}, {OUTCOME_MALFORMED, 200, false, 2}, false},
    {"{\"cut\": {\"after_tokens\": 2, \"by\": \"fin\"}}",
     {OUTCOME_TRUNCATED, 200, false, 2}, {OUTCOME_TRUNCATED, 200, false, 2}, false},
    {"{\"cut\": {\"after_tokens\": 2, \"by\": \"rst\"}}",
     {OUTCOME_RESET_AFTER, 200, false, 2}, {OUTCOME_RESET_AFTER, 200, false, 2}, false},
    {"{\"cut\": {\"after_tokens\": 0, \"by\": \"fin\", \"inside_event\": true}}",
     {OUTCOME_TRUNCATED, 200, false, 0}, {OUTCOME_TRUNCATED, 200, false, 0}, false},
    {"{\"cut\": {\"after_tokens\": 99, \"by\": \"fin\"}}",
     {OUTCOME_TRUNCATED, 200, false, 5}, {OUTCOME_TRUNCATED, 200, false, 5}, false},
    {"{\"cut\": {\"after_tokens\": 99, \"by\": \"fin\", \"inside_event\": true}}",
     {OUTCOME_TRUNCATED, 200, false, 5}, {OUTCOME_TRUNCATED, 200, false, 5}, false},
    {"{\"error_event\": {\"after_tokens\": 2, \"failure\": \"overloaded\"}}",
     {OUTCOME_OVERLOADED, 200, false, 2}, WELL, true},
    {"{\"error_event\": {\"after_tokens\": 2, \"failure\": \"quota\", \"form\": \"documented\"}}",
     {OUTCOME_QUOTA, 200, false, 2}, WELL, true},
    {"{\"broken_json\": {\"after_tokens\": 2}}",
     {OUTCOME_MALFORMED, 200, true, 5}, {OUTCOME_MALFORMED, 200, false, 5}, false},
    {"{\"duplicate_event\": {\"after_tokens\": 2}}", WELL, WELL, true},
    {"{\"reorder_events\": {\"after_tokens\": 2}}", WELL, WELL, true},
    {"{\"reorder_events\": {\"after_tokens\": 99}}", WELL, WELL, true},
    {"{\"usage\": \"missing\"}", WELL, WELL, false},
    {"{\"usage\": \"zero\"}", WELL, WELL, false},
    {"{\"usage\": {\"times\": 3}}", WELL, WELL, false},
    {"{\"empty_answer\": true}", {OUTCOME_EMPTY, 200, true, 0}, {OUTCOME_EMPTY, 200, true, 0}, false},
    {"{\"runaway\": 50}", {OUTCOME_OK, 200, true, 50}, {OUTCOME_OK, 200, true, 50}, false},
    {"{\"foreign_text\": true}", WELL, WELL, false},
    {"{\"headers\": {\"x-should-retry\": \"false\"}}", WELL, WELL, false},
    {"{\"content_type\": \"text/html\"}", WELL, WELL, false},
    {"{\"content_type\": null}", WELL, WELL, false},
    {"{\"body\": \"<html>\"}",
     {OUTCOME_MALFORMED, 200, false, 0}, {OUTCOME_MALFORMED, 200, false, 0}, false},
};
/* clang-format on */

static void open_with(const char *fault, const char *share)
{
    char chaos[1024];

    snprintf(chaos, sizeof(chaos),
             "[{\"phase\": \"bad\", \"rule\": \"the-fault\", \"share\": \"%s\", \"fault\": %s}]",
             share, fault);
    exchanges_open("", chaos, "");
}

/* What the journal says was told of usage, and what was read of it. */
static bool is_usage_true(void)
{
    const struct usage *read = &exchanges.reader.answer.usage;
    const struct usage *told = &exchanges.seen.record.usage_told;

    if (!read->is_known || !told->is_known)
        return read->is_known == told->is_known;
    return read->input_tokens == told->input_tokens && read->output_tokens == told->output_tokens;
}

/* Responses tells in a stream, after its 200, that the input is too long. */
static uint16_t status_of(const struct told_of_it *told, enum api api, bool stream)
{
    bool is_in_stream = stream && format_fails_in_stream(api, told->outcome);

    return is_in_stream ? 200 : told->status;
}

static void expect_truth(const struct told_of_it *told, const struct fault_case *it, enum api api,
                         bool stream)
{
    const struct exchange_seen *seen = &exchanges.seen;
    enum outcome outcome = exchanges_outcome();
    uint16_t status = status_of(told, api, stream);
    bool is_right = outcome == told->outcome && seen->record.status == status &&
                    seen->status == status && seen->record.is_complete == told->is_complete &&
                    seen->record.tokens_written == told->tokens && seen->journals == 1 &&
                    seen->ends == 1 && seen->heads == (told->status != 0) &&
                    (outcome != OUTCOME_OK || is_usage_true());

    if (!is_right)
        fprintf(stderr, "\n%s %s %s: %s, %u, %s, %llu tokens\n%.*s\n", it->fault, api_word(api),
                stream ? "stream" : "whole", outcome_word(outcome), seen->status,
                seen->record.is_complete ? "complete" : "incomplete",
                (unsigned long long)seen->record.tokens_written,
                (int)(seen->body.size < 1500 ? seen->body.size : 1500), seen->body.data);
    CU_ASSERT(is_right);
}

static void expect_case(const struct fault_case *it, enum api api, bool stream)
{
    bool fires = stream || !it->of_streams_only;

    open_with(it->fault, "100%");
    for (int call = 0; call < CALLS; call++) {
        exchanges_ask(api, stream);
        EXPECT_I64(exchanges.seen.record.rule, fires ? 0 : PLAN_NO_RULE);
        CU_ASSERT_STRING_EQUAL(exchanges.seen.record.rule_name, fires ? "the-fault" : "");
        expect_truth(stream ? &it->stream : &it->whole, it, api, stream);
    }
    EXPECT_U64(upstream_open(exchanges.upstream), 0);
    exchanges_close();
}

static void fires_always_and_is_told_as_it_was(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int api = 0; api < API_COUNT; api++) {
            expect_case(&cases[i], (enum api)api, true);
            expect_case(&cases[i], (enum api)api, false);
        }
    }
}

static void never_fires_at_a_share_of_nothing(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        open_with(cases[i].fault, "0%");
        for (int call = 0; call < CALLS; call++) {
            exchanges_ask((enum api)(call % API_COUNT), call % 2 == 0);
            EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE);
            EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
            EXPECT_U64(exchanges.seen.record.tokens_written, 5);
        }
        exchanges_close();
    }
}

/* --- one by one ------------------------------------------------------------------------------- */

static void ask_with(const char *fault, enum api api, bool stream)
{
    open_with(fault, "100%");
    exchanges_ask(api, stream);
}

static uint32_t count_of(const char *text)
{
    struct slice rest = buffer_slice(&exchanges.seen.body);
    size_t size = strlen(text);
    uint32_t count = 0;

    for (; rest.size >= size; rest.data++, rest.size--)
        count += memcmp(rest.data, text, size) == 0;
    return count;
}

static void writes_heads_slowly_and_answers_byte_by_byte(void)
{
    ask_with("{\"slow_headers\": \"5ms\"}", API_ANTHROPIC, true);
    EXPECT_I64(exchanges.seen.head_gap, 5 * NANOS_MS);
    CU_ASSERT(!exchanges.seen.one_byte_writes);
    exchanges_close();
    ask_with("{\"one_byte\": true}", API_GEMINI, false);
    CU_ASSERT(exchanges.seen.one_byte_writes);
    EXPECT_I64(exchanges.seen.head_gap, 0);
    exchanges_close();
}

static void adds_doubles_and_removes_header_lines(void)
{
    ask_with(
        "{\"status\": 429, \"retry_after\": \"2s\", \"headers\": {\"x-should-retry\": \"false\","
        " \"Retry-After\": [\"1\", \"3600\"], \"request-id\": null}}",
        API_ANTHROPIC, true);
    EXPECT_TEXT(exchanges_header("x-should-retry"), "false");
    EXPECT_U64(exchanges_header("request-id").size, 0);
    EXPECT_TEXT(exchanges_header("retry-after"), "2");
    CU_ASSERT(slice_has(buffer_slice(&exchanges.seen.headers),
                        SLICE("Retry-After: 1\r\nRetry-After: 3600\r\n")));
    EXPECT_I64(exchanges.seen.record.advice_wait, 2 * NANOS_S); /* the first counts */
    exchanges_close();
}

static void a_date_counts_from_the_instant_of_the_answer(void)
{
    open_with("{\"status\": 429, \"retry_after\": {\"date\": \"2s\"}}", "100%");
    exchanges.now += 400 * NANOS_MS;
    exchanges_ask(API_ANTHROPIC, true);
    EXPECT_TEXT(exchanges_header("retry-after"), "Thu, 01 Jan 2026 00:00:02 GMT");
    EXPECT_I64(exchanges.seen.record.advice_wait, 1600 * NANOS_MS);
    exchanges_close();
}

static void gemini_advises_in_its_body_alone_unless_headers_say_so(void)
{
    ask_with("{\"status\": 429, \"retry_after\": \"2s\"}", API_GEMINI, true);
    EXPECT_U64(exchanges_header("retry-after").size, 0);
    CU_ASSERT(exchanges_body_has("RetryInfo"));
    EXPECT_I64(exchanges.seen.record.advice_wait, 2 * NANOS_S);
    exchanges_close();
    ask_with("{\"status\": 503, \"retry_after\": \"2s\"}", API_GEMINI, false);
    EXPECT_U64(exchanges_header("retry-after").size, 0);
    CU_ASSERT(exchanges_body_has("RetryInfo"));
    exchanges_close();
    ask_with("{\"status\": 429, \"retry_after\": \"2s\", \"headers\": {\"retry-after\": \"5\"}}",
             API_GEMINI, true);
    EXPECT_TEXT(exchanges_header("retry-after"), "5");
    CU_ASSERT(exchanges_body_has("RetryInfo"));
    EXPECT_I64(exchanges.seen.record.advice_wait, 5 * NANOS_S); /* a header counts first */
    exchanges_close();
}

static void says_another_content_type_or_none(void)
{
    ask_with("{\"content_type\": null}", API_OPENAI_CHAT, false);
    EXPECT_U64(exchanges_header("content-type").size, 0);
    exchanges_close();
    ask_with("{\"content_type\": \"text/html\"}", API_OPENAI_CHAT, false);
    EXPECT_TEXT(exchanges_header("content-type"), "text/html");
    exchanges_close();
}

static void tells_an_error_in_a_200(void)
{
    for (int api = 0; api < API_COUNT; api++) {
        ask_with("{\"status\": 200, \"failure\": \"overloaded\"}", (enum api)api, api % 2 == 0);
        EXPECT_U64(exchanges.seen.status, 200);
        EXPECT_TEXT(exchanges_header("content-type"), "application/json");
        EXPECT_U64(exchanges_outcome(), OUTCOME_OVERLOADED);
        EXPECT_U64(exchanges.seen.record.answered, OUTCOME_OVERLOADED);
        exchanges_close();
    }
}

static void splits_writes_inside_characters_and_line_ends(void)
{
    ask_with("{\"split\": \"utf8\"}", API_ANTHROPIC, true);
    EXPECT_I64(exchanges.seen.flushes, 2); /* the two brackets of the first word */
    exchanges_close();
    ask_with("{\"split\": \"crlf\"}", API_ANTHROPIC, true);
    EXPECT_I64(exchanges.seen.flushes, count_of("\r\n"));
    EXPECT_U64(count_of("\n"), count_of("\r\n"));
    CU_ASSERT(exchanges.seen.flushes > 20);
    exchanges_close();
}

static void spoils_the_one_event(void)
{
    ask_with("{\"duplicate_event\": {\"after_tokens\": 2}}", API_OPENAI_CHAT, true);
    EXPECT_U64(count_of(" w1\""), 1);
    EXPECT_U64(count_of(" w2\""), 2);
    EXPECT_U64(count_of(" w3\""), 1);
    exchanges_close();
    for (int after = 2; after <= 99; after += 97) { /* past the end: the last two */
        bool is_in_the_middle = after == 2;

        ask_with(is_in_the_middle ? "{\"reorder_events\": {\"after_tokens\": 2}}"
                                  : "{\"reorder_events\": {\"after_tokens\": 99}}",
                 API_OPENAI_CHAT, true);
        for (int word = 1; word < EXCHANGES_TOKENS; word++) {
            char text[8];

            snprintf(text, sizeof(text), " w%d\"", word);
            EXPECT_U64(count_of(text), 1);
        }
        CU_ASSERT(strstr(exchanges.seen.body.data, is_in_the_middle ? " w3\"" : " w4\"") <
                  strstr(exchanges.seen.body.data, is_in_the_middle ? " w2\"" : " w3\""));
        exchanges_close();
    }
}

static void leaves_done_out_or_says_it_early_or_where_there_is_none(void)
{
    ask_with("{\"done\": \"missing\"}", API_OPENAI_CHAT, true);
    EXPECT_U64(count_of("[DONE]"), 0);
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    CU_ASSERT(exchanges.seen.record.is_complete);
    exchanges_close();
    ask_with("{\"done\": \"early\"}", API_OPENAI_CHAT, true);
    EXPECT_U64(count_of("[DONE]"), 1);
    CU_ASSERT(strstr(exchanges.seen.body.data, "[DONE]") <
              strstr(exchanges.seen.body.data, "\"finish_reason\":\"stop\""));
    exchanges_close();
    ask_with("{\"done\": \"wrong\"}", API_ANTHROPIC, true);
    EXPECT_U64(count_of("[DONE]"), 1);
    exchanges_close();
    ask_with("{\"done\": \"wrong\"}", API_OPENAI_CHAT, true);
    EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE); /* there it is right */
    exchanges_close();
}

static void writes_events_without_names(void)
{
    ask_with("{\"event_names\": false}", API_ANTHROPIC, true);
    EXPECT_U64(count_of("event: "), 0);
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    exchanges_close();
    ask_with("{\"event_names\": false}", API_GEMINI, true);
    EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE);
    exchanges_close();
}

static void tells_usage_as_it_is_not(void)
{
    ask_with("{\"usage\": \"missing\"}", API_ANTHROPIC, false);
    CU_ASSERT(!exchanges.seen.record.usage_told.is_known);
    exchanges_close();
    ask_with("{\"usage\": {\"times\": 3}}", API_GEMINI, true);
    EXPECT_U64(exchanges.seen.record.usage_told.input_tokens, 30);
    EXPECT_U64(exchanges.seen.record.usage_told.output_tokens, 15);
    exchanges_close();
}

static void tells_an_error_event_in_each_form(void)
{
    ask_with("{\"error_event\": {\"after_tokens\": 2, \"failure\": \"overloaded\"}}",
             API_OPENAI_RESPONSES, true);
    EXPECT_U64(count_of("response.failed"), 2); /* name and type */
    EXPECT_U64(exchanges.seen.record.answered, OUTCOME_OVERLOADED);
    EXPECT_U64(exchanges.seen.record.closed_by, CLOSED_FAULT);
    exchanges_close();
    ask_with("{\"error_event\": {\"after_tokens\": 2, \"failure\": \"overloaded\","
             " \"form\": \"documented\"}}",
             API_OPENAI_RESPONSES, true);
    EXPECT_U64(count_of("response.failed"), 0);
    exchanges_close();
}

/* --- silence ---------------------------------------------------------------------------------- */

static void stalls_until_the_client_leaves(void)
{
    for (int stream = 0; stream < 2; stream++) {
        uint32_t exchange;

        open_with("{\"stall\": {\"after_tokens\": 2}}", "100%");
        exchange = exchanges_begin(API_ANTHROPIC, stream == 1);
        exchanges_run(NANOS_NEVER - 1);
        EXPECT_I64(exchanges.seen.ends, 0);
        EXPECT_I64(exchanges.seen.heads, 1);
        CU_ASSERT(exchanges.seen.body.size > 0);
        upstream_gone(exchanges.upstream, exchange, 99, true, exchanges.now);
        exchanges_take();
        EXPECT_U64(exchanges.seen.record.tokens_written, 2);
        EXPECT_U64(exchanges.seen.record.closed_by, CLOSED_CLIENT_RESET);
        CU_ASSERT(!exchanges.seen.record.is_complete);
        exchanges_close();
    }
}

static void expect_signs(const char *behind, enum api api, const char *sign)
{
    char fault[128];

    snprintf(fault, sizeof(fault), "{\"stall\": {\"after_tokens\": 2, \"behind\": \"%s\"}}",
             behind);
    open_with(fault, "100%");
    exchanges_begin(api, true);
    exchanges_run(NANOS_S / 2);
    buffer_clear(&exchanges.seen.body); /* openings hold a ping, too */
    exchanges_run(4 * NANOS_S);
    EXPECT_U64(count_of(sign), 3);
    exchanges_close();
}

static void stalls_behind_signs_of_life(void)
{
    expect_signs("pings", API_ANTHROPIC, "event: ping\n");
    expect_signs("comments", API_ANTHROPIC, ": keep-alive\n\n");
    expect_signs("comments", API_GEMINI, ": keep-alive\n\n");
}

static void pings_in_the_silences_of_a_model_that_does(void)
{
    exchanges_open(", \"pings\": \"30ms\"", "", "");
    exchanges_ask(API_ANTHROPIC, true);
    EXPECT_U64(count_of("event: ping\n"), 1 + 1 + 4 * 3); /* opening; before each of five tokens */
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    exchanges_close();
}

/* Two tokens in time, then nothing, then those that were due, then the last in time. */
static void freezes_and_bursts(void)
{
    open_with("{\"freeze\": {\"after_tokens\": 2, \"for\": \"250ms\"}}", "100%");
    exchanges_begin(API_OPENAI_CHAT, true);
    exchanges_run(449 * NANOS_MS);
    EXPECT_U64(count_of(" w1\""), 1);
    EXPECT_U64(count_of(" w2\""), 0);
    exchanges_run(450 * NANOS_MS);
    EXPECT_U64(count_of(" w2\""), 1);
    EXPECT_U64(count_of(" w3\""), 1);
    EXPECT_U64(count_of(" w4\""), 0);
    exchanges_run(500 * NANOS_MS);
    EXPECT_U64(count_of(" w4\""), 1);
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    exchanges_close();
}

static void is_late_by_the_span(void)
{
    open_with("{\"late_first_token\": \"3s\"}", "100%");
    exchanges_begin(API_OPENAI_CHAT, false);
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_I64(exchanges.now, 3500 * NANOS_MS); /* 100 ms, four gaps, and the fault */
    exchanges_close();
}

/* --- memory ----------------------------------------------------------------------------------- */

static void ask_everything(void)
{
    for (int api = 0; api < API_COUNT; api++) {
        exchanges_ask((enum api)api, true);
        exchanges_ask((enum api)api, false);
    }
}

static void allocates_nothing_once_it_is_warm(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        open_with(cases[i].fault, "50%");
        ask_everything();
        exchanges.asked = 0; /* the same calls have the same luck */
        exchanges.flaky.allow = 0;
        ask_everything();
        CU_ASSERT(!exchanges.flaky.failed);
        exchanges_close();
    }
}

/* What cannot be written for want of memory is not, but every exchange still ends in one record. */
static bool ends_with(const char *fault, bool stream, uint64_t allow)
{
    bool failed;

    open_with(fault, "100%");
    exchanges.flaky.allow = allow;
    exchanges_ask(API_OPENAI_CHAT, stream);
    EXPECT_I64(exchanges.seen.journals, 1);
    EXPECT_U64(upstream_open(exchanges.upstream), 0);
    failed = exchanges.flaky.failed;
    exchanges_close();
    return failed;
}

static void ends_every_exchange_without_memory(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int stream = 0; stream < 2; stream++) {
            uint64_t allow = 0;

            while (ends_with(cases[i].fault, stream == 1, allow))
                allow++;
        }
    }
}

static void is_not_born_without_memory(void)
{
    uint64_t allow = 0;
    struct flaky flaky;

    open_with("{\"status\": 529}", "100%");
    do {
        struct memory memory;
        struct upstream_options options = {
            .scenario = exchanges.world.scenario, .memory = &memory, .exchanges_max = 4};
        struct upstream *upstream = NULL;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = upstream_new(&upstream, &options, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        upstream_free(upstream);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 4);
    exchanges_close();
}

static CU_TestInfo tests[] = {
    {"fires always at a share of all, and is told as it was", fires_always_and_is_told_as_it_was},
    {"never fires at a share of nothing", never_fires_at_a_share_of_nothing},
    {"writes heads slowly and answers byte by byte", writes_heads_slowly_and_answers_byte_by_byte},
    {"adds, doubles and removes header lines", adds_doubles_and_removes_header_lines},
    {"a date counts from the instant of the answer", a_date_counts_from_the_instant_of_the_answer},
    {"Gemini advises in its body alone unless headers say so",
     gemini_advises_in_its_body_alone_unless_headers_say_so},
    {"says another content type or none", says_another_content_type_or_none},
    {"tells an error in a 200", tells_an_error_in_a_200},
    {"splits writes inside characters and line ends",
     splits_writes_inside_characters_and_line_ends},
    {"spoils the one event", spoils_the_one_event},
    {"leaves [DONE] out, or says it early or where there is none",
     leaves_done_out_or_says_it_early_or_where_there_is_none},
    {"writes events without names", writes_events_without_names},
    {"tells usage as it is not", tells_usage_as_it_is_not},
    {"tells an error event in each form", tells_an_error_event_in_each_form},
    {"stalls until the client leaves", stalls_until_the_client_leaves},
    {"stalls behind signs of life", stalls_behind_signs_of_life},
    {"pings in the silences of a model that does", pings_in_the_silences_of_a_model_that_does},
    {"freezes and bursts", freezes_and_bursts},
    {"is late by the span", is_late_by_the_span},
    {"allocates nothing once it is warm", allocates_nothing_once_it_is_warm},
    {"ends every exchange without memory", ends_every_exchange_without_memory},
    {"is not born without memory", is_not_born_without_memory},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo upstream_faults_suite = {"upstream_faults", NULL, NULL, NULL, NULL, tests};
