#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "monitor/alert.h"
#include "tests/support/expect.h"
#include "wire/json.h"

static struct buffer body;
static struct alert alert;
static struct hook_answer answer;

static void set_up(void)
{
    static char bytes[8192];
    static const struct memory none;

    body = (struct buffer){
        .data = bytes, .capacity = sizeof(bytes), .ceiling = sizeof(bytes), .memory = &none};
    alert = (struct alert){
        .number = 7,
        .kind = ALERT_BUDGET,
        .period = 3,
        .key = "budget:hourly:3",
        .raised_at = 12345 * NANOS_MS + 999999,
        .call = "trace:1714",
        .spent = 2 * MONEY_USD + MONEY_USD * 13 / 10000,
        .limit = 2 * MONEY_USD,
        .suppressed = 2,
        .text = "budget hourly: $2.0013 of $2.00 spent in window 3 (call trace:1714 tipped it)",
    };
}

static struct slice body_for(enum hook_kind kind)
{
    buffer_clear(&body);
    alert_write_body(&alert, kind, &body);
    return buffer_slice(&body);
}

static void say(const char *text)
{
    CU_ASSERT_FATAL(strlen(text) < sizeof(alert.text));
    memcpy(alert.text, text, strlen(text) + 1);
}

static void receive(enum hook_kind kind, const char *text)
{
    hook_receive(kind, slice_of(text), &answer);
}

/* --- words and keys --------------------------------------------------------------------------- */

static void words_are_found_again(void)
{
    enum alert_kind kind;
    enum hook_kind hook;

    for (int i = 0; i < ALERT_KINDS_COUNT; i++) {
        CU_ASSERT(alert_kind_find(slice_of(alert_kind_word((enum alert_kind)i)), &kind));
        EXPECT_I64(kind, i);
    }
    for (int i = 0; i < HOOK_KINDS_COUNT; i++) {
        CU_ASSERT(hook_kind_find(slice_of(hook_kind_word((enum hook_kind)i)), &hook));
        EXPECT_I64(hook, i);
    }
    CU_ASSERT(!alert_kind_find(SLICE("budge"), &kind));
    CU_ASSERT(!hook_kind_find(SLICE("teams"), &hook));
    CU_ASSERT(!hook_kind_find(SLICE("/slack"), &hook));
    EXPECT_TEXT(hook_kind_path(HOOK_ANY), "/any");
    EXPECT_TEXT(hook_kind_path(HOOK_SLACK), "/slack");
    EXPECT_TEXT(hook_kind_path(HOOK_DISCORD), "/discord");
}

static void a_key_names_kind_budget_and_period(void)
{
    char key[ALERT_KEY_MAX];

    alert_write_key(ALERT_BUDGET, SLICE("hourly"), 0, key);
    EXPECT_TEXT(slice_of(key), "budget:hourly:0");
    alert_write_key(ALERT_SLOW, (struct slice){0}, 3, key);
    EXPECT_TEXT(slice_of(key), "slow:3");
    alert_write_key(ALERT_BUDGET, SLICE("thirty-one-bytes-are-the-longest"), UINT64_MAX, key);
    EXPECT_TEXT(slice_of(key), "budget:thirty-one-bytes-are-the-longest:18446744073709551615");
}

static void a_key_is_fit_to_be_a_header(void)
{
    char key[ALERT_KEY_MAX];

    alert_write_key(ALERT_BUDGET, SLICE("a b\r\nx: \xc3\xa9\x7f~!"), 1, key);
    EXPECT_TEXT(slice_of(key), "budget:a_b__x:____~!:1");
}

/* --- what is sent ----------------------------------------------------------------------------- */

static void any_takes_the_alert_as_json(void)
{
    EXPECT_TEXT(body_for(HOOK_ANY),
                "{\"key\":\"budget:hourly:3\",\"kind\":\"budget\",\"number\":7,"
                "\"text\":\"budget hourly: $2.0013 of $2.00 spent in window 3 "
                "(call trace:1714 tipped it)\","
                "\"call\":\"trace:1714\",\"period\":3,\"raised_at_ms\":12345,\"suppressed\":2,"
                "\"spent\":2.0013,\"limit\":2}");
}

static void money_stands_only_where_it_means_something(void)
{
    alert.kind = ALERT_SLOW;
    CU_ASSERT(!slice_has(body_for(HOOK_ANY), SLICE("\"spent\":")));
    CU_ASSERT(!slice_has(body_for(HOOK_ANY), SLICE("\"limit\":")));
}

static void slack_escapes_three_characters_and_json_its_own(void)
{
    say("a < b && c > \"d\" \\ e");
    EXPECT_TEXT(body_for(HOOK_SLACK), "{\"text\":\"a &lt; b &amp;&amp; c &gt; \\\"d\\\" \\\\ e\"}");
    say("<");
    EXPECT_TEXT(body_for(HOOK_SLACK), "{\"text\":\"&lt;\"}");
    say("plain");
    EXPECT_TEXT(body_for(HOOK_SLACK), "{\"text\":\"plain\"}");
}

static void discord_lets_nobody_be_called(void)
{
    say("@everyone & <more>");
    EXPECT_TEXT(body_for(HOOK_DISCORD),
                "{\"content\":\"@everyone & <more>\",\"allowed_mentions\":{\"parse\":[]}}");
}

/* 255 bytes of each awkward kind: valid JSON, taken by its service, within the service's limit. */
static void the_longest_texts_are_taken_everywhere(void)
{
    static const char awkward[] = {'&', '<', '"', '\\', '\x01', '\xff', '\n', 'x'};

    for (size_t i = 0; i < sizeof(awkward); i++) {
        memset(alert.text, awkward[i], sizeof(alert.text) - 1);
        for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++) {
            struct slice sent = body_for((enum hook_kind)kind);

            EXPECT_RC(body.rc, RC_OK);
            CU_ASSERT(kind != HOOK_SLACK || sent.size < 4000);
            hook_receive((enum hook_kind)kind, sent, &answer);
            CU_ASSERT(answer.is_valid);
        }
    }
}

/* --- what is answered ------------------------------------------------------------------------- */

static void slack_says_ok_or_what_is_missing(void)
{
    receive(HOOK_SLACK, "{\"text\":\"hello\"}");
    EXPECT_U64(answer.status, 200);
    EXPECT_TEXT(slice_of(answer.body), "ok");
    EXPECT_TEXT(slice_of(answer.content_type), "text/plain");
    CU_ASSERT(answer.is_valid);
    receive(HOOK_SLACK, "{\"blocks\":[{\"type\":\"divider\"}]}");
    CU_ASSERT(answer.is_valid);
    receive(HOOK_SLACK, "{\"content\":\"in Discord's words\"}");
    EXPECT_U64(answer.status, 400);
    EXPECT_TEXT(slice_of(answer.body), "no_text");
    CU_ASSERT(!answer.is_valid);
    receive(HOOK_SLACK, "{\"text\":\"\"}");
    EXPECT_TEXT(slice_of(answer.body), "no_text");
    receive(HOOK_SLACK, "{\"text\":5}");
    EXPECT_TEXT(slice_of(answer.body), "no_text");
    receive(HOOK_SLACK, "{\"text\":");
    EXPECT_U64(answer.status, 400);
    EXPECT_TEXT(slice_of(answer.body), "invalid_payload");
    receive(HOOK_SLACK, "");
    EXPECT_TEXT(slice_of(answer.body), "invalid_payload");
}

static void discord_says_nothing_or_a_code(void)
{
    receive(HOOK_DISCORD, "{\"content\":\"hello\"}");
    EXPECT_U64(answer.status, 204);
    EXPECT_TEXT(slice_of(answer.body), "");
    CU_ASSERT(answer.is_valid);
    receive(HOOK_DISCORD, "{\"embeds\":[{\"title\":\"t\"}]}");
    EXPECT_U64(answer.status, 204);
    receive(HOOK_DISCORD, "{\"text\":\"in Slack's words\"}");
    EXPECT_U64(answer.status, 400);
    CU_ASSERT(slice_has(slice_of(answer.body), SLICE("50006")));
    CU_ASSERT(!answer.is_valid);
    receive(HOOK_DISCORD, "{\"content\":\"  \"}");
    CU_ASSERT(slice_has(slice_of(answer.body), SLICE("50006")));
    receive(HOOK_DISCORD, "[]");
    EXPECT_U64(answer.status, 400);
    CU_ASSERT(slice_has(slice_of(answer.body), SLICE("50109")));
}

/* The guide posts {"content": m, "text": m} everywhere. */
static void the_guides_body_is_taken_by_both(void)
{
    const char *guides = "{\"content\":\"m\",\"text\":\"m\"}";

    receive(HOOK_SLACK, guides);
    CU_ASSERT(answer.is_valid);
    receive(HOOK_DISCORD, guides);
    CU_ASSERT(answer.is_valid);
    receive(HOOK_ANY, guides);
    CU_ASSERT(answer.is_valid);
}

/* `count` times `piece` as Discord's content. */
static void receive_many(const char *piece, size_t count)
{
    size_t size = strlen(piece);
    char *text = malloc(count * size + 32);
    char *end = text;

    CU_ASSERT_FATAL(text != NULL);
    memcpy(end, "{\"content\":\"", 12);
    end += 12;
    for (size_t i = 0; i < count; i++, end += size)
        memcpy(end, piece, size);
    memcpy(end, "\"}", 3);
    receive(HOOK_DISCORD, text);
    free(text);
}

static void discord_counts_characters_not_bytes(void)
{
    static const char *const pieces[] = {
        "x", "\xc3\xa9", "\xf0\x9f\x90\x8c", "\\n", "\\\\", "\\u00e9", "\\ud83d\\udc0c", "\\uD7FF",
    };

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        receive_many(pieces[i], 2000);
        EXPECT_U64(answer.status, 204);
        receive_many(pieces[i], 2001);
        EXPECT_U64(answer.status, 400);
        CU_ASSERT(slice_has(slice_of(answer.body), SLICE("50035")));
    }
}

static void any_takes_any_object_and_tells_its_key(void)
{
    receive(HOOK_ANY, "{\"key\":\"slow:3\",\"more\":[1,2]}");
    EXPECT_U64(answer.status, 200);
    EXPECT_TEXT(slice_of(answer.body), "{}");
    EXPECT_TEXT(slice_of(answer.key), "slow:3");
    receive(HOOK_ANY, "{}");
    EXPECT_U64(answer.status, 200);
    EXPECT_TEXT(slice_of(answer.key), "");
    receive(HOOK_ANY, "hello");
    EXPECT_U64(answer.status, 400);
    CU_ASSERT(!answer.is_valid);
    hook_receive(HOOK_ANY, body_for(HOOK_ANY), &answer);
    EXPECT_TEXT(slice_of(answer.key), "budget:hourly:3");
}

static bool is_json(const char *text)
{
    struct json json;
    struct json_token token;
    enum rc rc;

    json_init(&json, slice_of(text), JSON_STRICT);
    while ((rc = json_next(&json, &token)) == RC_OK)
        ;
    return rc == RC_END;
}

static void what_claims_to_be_json_is(void)
{
    static const char *const posts[] = {"{}", "[", "{\"content\":\"x\"}"};

    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++) {
        for (size_t i = 0; i < ARRAY_SIZE(posts); i++) {
            receive((enum hook_kind)kind, posts[i]);
            CU_ASSERT(strcmp(answer.content_type, "application/json") != 0 || is_json(answer.body));
        }
    }
    receive_many("x", 2001);
    CU_ASSERT(is_json(answer.body));
}

static CU_TestInfo tests[] = {
    {"words are found again", words_are_found_again},
    {"a key names kind, budget and period", a_key_names_kind_budget_and_period},
    {"a key is fit to be a header", a_key_is_fit_to_be_a_header},
    {"any takes the alert as JSON", any_takes_the_alert_as_json},
    {"money stands only where it means something", money_stands_only_where_it_means_something},
    {"Slack escapes three characters, and JSON its own",
     slack_escapes_three_characters_and_json_its_own},
    {"Discord lets nobody be called", discord_lets_nobody_be_called},
    {"the longest texts are taken everywhere", the_longest_texts_are_taken_everywhere},
    {"Slack says ok, or what is missing", slack_says_ok_or_what_is_missing},
    {"Discord says nothing, or a code", discord_says_nothing_or_a_code},
    {"the guide's body is taken by both", the_guides_body_is_taken_by_both},
    {"Discord counts characters, not bytes", discord_counts_characters_not_bytes},
    {"any takes any object and tells its key", any_takes_any_object_and_tells_its_key},
    {"what claims to be JSON is", what_claims_to_be_json_is},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo alert_suite = {"alert", NULL, NULL, set_up, NULL, tests};
