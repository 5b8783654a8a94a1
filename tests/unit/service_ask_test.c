#include "engine/service_ask.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static struct service_rules rules;
static struct service_ask service;
static struct buffer path, headers, body, prompt;
static const struct service_request request = {&path, &headers, &body};

static void set_up(void)
{
    rules = (struct service_rules){.is_plain = true, .path = SLICE("/ask")};
    service = (struct service_ask){0};
    buffer_init(&path, memory_heap(), 1 << 12);
    buffer_init(&headers, memory_heap(), 1 << 12);
    buffer_init(&body, memory_heap(), 1 << 16);
    buffer_init(&prompt, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    service_ask_deinit(&service);
    buffer_deinit(&path);
    buffer_deinit(&headers);
    buffer_deinit(&body);
    buffer_deinit(&prompt);
}

static enum rc init(const char *own_headers, const char *key)
{
    struct service_ask_options options = {.rules = &rules,
                                          .headers = slice_of(own_headers),
                                          .key = slice_of(key),
                                          .memory = memory_heap()};

    return service_ask_init(&service, &options, NULL);
}

/* Call 40 of source 2, 12 tokens long. */
static void ask(const char *template, bool stream)
{
    struct call_id id = {2, 40};
    struct ask what = {.model = SLICE("gpt-\"4\""), .output_tokens_max = 64, .stream = stream};

    rules.body = slice_of(template);
    EXPECT_RC(init("", ""), RC_OK);
    service_write_prompt(id, 12, &prompt);
    what.prompt = buffer_slice(&prompt);
    service_ask_write(&service, id, &what, &request);
}

static void a_template_is_filled_in(void)
{
    ask("{\"question\": \"{prompt}\", \"model\": \"{model}\", \"stream\": \"{stream}\",\n"
        " \"limit\": \"{max_tokens}\", \"as\": \"{call}\"}",
        true);
    EXPECT_TEXT(buffer_slice(&body),
                "{\"question\":\"⟦k2-40⟧ one two six ten one two six ten one\","
                "\"model\":\"gpt-\\\"4\\\"\",\"stream\":true,\"limit\":64,"
                "\"as\":\"k2-40\"}");
    EXPECT_TEXT(buffer_slice(&path), "/ask");
}

static void a_place_among_other_text_stays_text(void)
{
    ask("[\"Say \\\"{prompt}\\\" in {max_tokens} words; stream: {stream}\"]", false);
    EXPECT_TEXT(buffer_slice(&body),
                "[\"Say \\\"⟦k2-40⟧ one two six ten one two six ten one\\\" in 64 "
                "words; stream: false\"]");
}

static void what_is_no_place_stays_as_it_is(void)
{
    ask("{\"a\": [1, -2.5e3, null, true, {}, []], /* why */ \"b\\u0041\": \"{} {nobody} {\",}",
        false);
    EXPECT_TEXT(buffer_slice(&body),
                "{\"a\":[1,-2.5e3,null,true,{},[]],\"b\\u0041\":\"{} {nobody} {\"}");
}

static void a_prompt_counts_four_bytes_a_token(void)
{
    for (uint64_t tokens = 4; tokens < 300; tokens++) {
        buffer_clear(&prompt);
        service_write_prompt((struct call_id){0, tokens}, tokens, &prompt);
        EXPECT_U64(1 + prompt.size / 4, tokens);
    }
}

static void a_short_prompt_is_its_marker(void)
{
    service_write_prompt((struct call_id){0, 7}, 1, &prompt);
    EXPECT_TEXT(buffer_slice(&prompt), "⟦k0-7⟧");
}

static void a_format_is_asked_at_its_own_path_or_another(void)
{
    struct ask what = {.model = SLICE("m"), .prompt = SLICE("hi"), .output_tokens_max = 5};

    rules = (struct service_rules){.speaks = API_ANTHROPIC};
    EXPECT_RC(init("", ""), RC_OK);
    service_ask_write(&service, (struct call_id){0, 1}, &what, &request);
    EXPECT_TEXT(buffer_slice(&path), "/v1/messages");
    CU_ASSERT(slice_has(buffer_slice(&body), SLICE("\"hi\"")));
    buffer_clear(&path);
    rules.path = SLICE("/proxy/messages");
    service_ask_write(&service, (struct call_id){0, 1}, &what, &request);
    EXPECT_TEXT(buffer_slice(&path), "/proxy/messages");
}

static void write_headers(const char *own, const char *key)
{
    struct ask what = {.output_tokens_max = 1};

    rules.body = SLICE("{}");
    EXPECT_RC(init(own, key), RC_OK);
    service_ask_write(&service, (struct call_id){0, 1}, &what, &request);
}

static void headers_of_the_scenario_replace_ours(void)
{
    rules = (struct service_rules){.speaks = API_OPENAI_CHAT};
    write_headers("Authorization: Bearer sk-1234\r\nx-team: a\r\n", "");
    EXPECT_TEXT(buffer_slice(&headers), "content-type: application/json\r\n"
                                        "Authorization: Bearer sk-1234\r\nx-team: a\r\n");
}

static void a_key_goes_where_the_format_has_it(void)
{
    rules = (struct service_rules){.speaks = API_OPENAI_CHAT};
    write_headers("", "sk-1");
    EXPECT_TEXT(buffer_slice(&headers),
                "content-type: application/json\r\nauthorization: Bearer sk-1\r\n");
}

static void json_of_its_own_has_a_key_only_where_there_is_one(void)
{
    write_headers("", "");
    EXPECT_TEXT(buffer_slice(&headers), "content-type: application/json\r\n");
    service_ask_deinit(&service);
    buffer_clear(&headers);
    write_headers("", "sk-1");
    EXPECT_TEXT(buffer_slice(&headers),
                "content-type: application/json\r\nauthorization: Bearer sk-1\r\n");
}

static void too_many_pieces_are_refused(void)
{
    char template[16 * SERVICE_PIECES_MAX] = "[\"";

    for (int i = 0; i < SERVICE_PIECES_MAX; i++)
        strcat(template, " {call}");
    strcat(template, "\"]");
    rules.body = slice_of(template);
    EXPECT_RC(init("", ""), RC_LIMIT);
}

static void memory_that_fails_leaves_nothing_behind(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    rules.body = SLICE("{\"a\": \"{prompt}\", \"b\": [\"{model}\", 3]}");
    do {
        struct memory memory;
        struct service_ask_options options = {
            .rules = &rules, .headers = SLICE("a: b\r\n"), .key = SLICE("k"), .memory = &memory};
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = service_ask_init(&service, &options, NULL);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        service_ask_deinit(&service);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo tests[] = {
    {"a template is filled in", a_template_is_filled_in},
    {"a place among other text stays text", a_place_among_other_text_stays_text},
    {"what is no place stays as it is", what_is_no_place_stays_as_it_is},
    {"a prompt counts four bytes a token", a_prompt_counts_four_bytes_a_token},
    {"a short prompt is its marker", a_short_prompt_is_its_marker},
    {"a format is asked at its own path, or another", a_format_is_asked_at_its_own_path_or_another},
    {"headers of the scenario replace ours", headers_of_the_scenario_replace_ours},
    {"a key goes where the format has it", a_key_goes_where_the_format_has_it},
    {"JSON of its own has a key only where there is one",
     json_of_its_own_has_a_key_only_where_there_is_one},
    {"too many pieces are refused", too_many_pieces_are_refused},
    {"memory that fails leaves nothing behind", memory_that_fails_leaves_nothing_behind},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo service_ask_suite = {"service_ask", NULL, NULL, set_up, tear_down, tests};
