#include "engine/identity.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

#define TRACE_A "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define TRACE_B "00-aaaa2f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct identity *identity;
static struct identity_found found;

static void set_up(void)
{
    EXPECT_RC(identity_new(&identity, 64, memory_heap()), RC_OK);
}

static void tear_down(void)
{
    identity_free(identity);
}

/* What a request says of itself; NULL: nothing. */
struct asking {
    const char *call, *attempt, *trace, *retry_count, *isolation, *path, *body;
    uint64_t question;
};

static void add(struct http_header *headers, struct http_request *http, const char *name,
                const char *value)
{
    if (value != NULL)
        headers[http->headers_count++] = (struct http_header){slice_of(name), slice_of(value)};
}

static struct slice slice_or(const char *text, const char *otherwise)
{
    return slice_of(text != NULL ? text : otherwise);
}

/* Whose call is it? */
static struct slice ask(const struct asking *asking)
{
    struct http_header headers[4];
    struct http_request http = {.method = SLICE("POST"),
                                .path = slice_or(asking->path, "/v1/messages"),
                                .headers = headers,
                                .body = slice_or(asking->body, "{}")};
    struct identity_facts facts = {
        .http = &http, .isolation = slice_or(asking->isolation, ""), .question = asking->question};

    add(headers, &http, "x-brownout-call", asking->call);
    add(headers, &http, "x-brownout-attempt", asking->attempt);
    add(headers, &http, "traceparent", asking->trace);
    add(headers, &http, "x-stainless-retry-count", asking->retry_count);
    identity_of(identity, &facts, &found);
    return slice_of(found.call);
}

#define ASK(...) ask(&(struct asking){__VA_ARGS__})

/* As ask, and the exchange is over at once. */
static uint32_t asked_and(bool was_answered, const struct asking *asking)
{
    identity_settled(identity, ask(asking), was_answered);
    return found.ordinal;
}

#define REFUSED(...) asked_and(false, &(struct asking){__VA_ARGS__})
#define ANSWERED(...) asked_and(true, &(struct asking){__VA_ARGS__})

/* The same call as before? */
static bool is_same(const char *before)
{
    return strcmp(before, found.call) == 0;
}

static void the_drivers_header_comes_before_all_else(void)
{
    EXPECT_TEXT(ASK(.call = "trace:217", .attempt = "3", .trace = TRACE_A, .retry_count = "1",
                    .isolation = "a", .body = "⟦k17⟧"),
                "trace:217");
    EXPECT_U64(found.key, KEY_HEADER);
    EXPECT_U64(found.attempt, 3);
    EXPECT_U64(found.ordinal, 3);
    CU_ASSERT(found.has_retry_count);
    EXPECT_U64(found.retry_count, 1);
}

static void a_header_without_an_attempt_is_counted(void)
{
    ASK(.call = "x");
    EXPECT_U64(found.attempt, 0);
    EXPECT_U64(found.ordinal, 1);
    ASK(.call = "y");
    EXPECT_U64(found.ordinal, 1);
    ASK(.call = "x");
    EXPECT_U64(found.ordinal, 2);
}

static void an_overlong_header_is_none(void)
{
    ASK(.call = "0123456789012345678901234567890123456789012345678901234567890123");
    EXPECT_U64(found.key, KEY_LIKENESS);
}

static void finds_a_marker_in_the_body_however_json_writes_it(void)
{
    static const char *const bodies[] = {
        "{\"content\":\"⟦k17⟧ hello\"}",
        "{\"content\":\"\\u27e6k17\\u27e7 hello\"}",
        "{\"content\":\"\\u27E6k17\\u27E7\"}",
        "{\"arguments\":\"{\\\"q\\\":\\\"\\\\u27e6k17\\\\u27e7\\\"}\"}",
        "⟦k17⟧",
        "⟦k16⟧ w1 w2 ⟦r9⟧ w1 ⟦k17⟧ and ⟦r10⟧",
        "\\u27e6k16\\u27e7 ⟦k17⟧",
        "⟦k16⟧ \\u27e6k17\\u27e7",
        "⟦⟦k17⟧",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        EXPECT_TEXT(ASK(.trace = TRACE_A, .retry_count = "0", .body = bodies[i]), "mark:k17");
        EXPECT_U64(found.key, KEY_MARKER);
        EXPECT_U64(found.ordinal, i + 1); /* both layers' attempts, whatever the SDK counts */
    }
}

static void what_is_not_quite_a_marker_is_none(void)
{
    static const char *const bodies[] = {
        "⟦r17⟧",
        "⟦k⟧",
        "⟦k17",
        "⟦k17]",
        "⟦ k17⟧",
        "⟦k1 7⟧",
        "k17⟧",
        "⟦",
        "⟦k",
        "\\u27e6k17⟦",
        "\\u27e",
        "\\u27e6k17\\u27e",
        "\\",
        "⟦k17\xE2\x9F",
        "⟦K17⟧",
        "\xE2",
        "\xE2\x9F",
        "u27e6k17u27e7",
        "⟦k0123456789012345678901234567890123⟧",
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        ASK(.body = bodies[i]);
        EXPECT_U64(found.key, KEY_LIKENESS);
    }
}

static void a_trace_id_names_the_call(void)
{
    EXPECT_TEXT(ASK(.trace = TRACE_A), "trace-id:4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_U64(found.key, KEY_TRACEPARENT);
    EXPECT_U64(found.ordinal, 1);
    ASK(.trace = TRACE_A);
    EXPECT_U64(found.ordinal, 2);
    EXPECT_TEXT(ASK(.trace = TRACE_B), "trace-id:aaaa2f3577b34da6a3ce929d0e0e4736");
    EXPECT_U64(found.ordinal, 1);
}

static void a_trace_goes_on_with_another_call_once_one_was_answered(void)
{
    EXPECT_U64(REFUSED(.trace = TRACE_A, .body = "big model"), 1);
    EXPECT_U64(ANSWERED(.trace = TRACE_A, .body = "fallback model"), 2);
    EXPECT_TEXT(ASK(.trace = TRACE_A, .body = "next turn"),
                "trace-id:4bf92f3577b34da6a3ce929d0e0e4736:2");
    EXPECT_U64(found.ordinal, 1);
}

static void another_question_of_a_trace_is_another_call(void)
{
    EXPECT_U64(REFUSED(.trace = TRACE_A, .question = 1), 1);
    EXPECT_U64(REFUSED(.trace = TRACE_A, .question = 1), 2);
    EXPECT_U64(REFUSED(.trace = TRACE_A, .question = 2), 1);
    EXPECT_U64(REFUSED(.trace = TRACE_A, .question = 1), 3);
}

static void calls_of_a_trace_side_by_side_are_kept_apart(void)
{
    ASK(.trace = TRACE_A, .body = "one");
    EXPECT_TEXT(ASK(.trace = TRACE_A, .body = "two"),
                "trace-id:4bf92f3577b34da6a3ce929d0e0e4736:2");
    EXPECT_TEXT(ASK(.trace = TRACE_A, .body = "one"), "trace-id:4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_U64(found.ordinal, 2);
}

static void a_malformed_traceparent_is_none(void)
{
    static const char *const headers[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",   /* too short */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", /* too long */
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",  /* no trace */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",  /* no parent */
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",  /* upper case */
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",  /* no version */
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        ASK(.trace = headers[i]);
        EXPECT_U64(found.key, KEY_LIKENESS);
    }
    ASK(.trace = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
    EXPECT_U64(found.key, KEY_TRACEPARENT);
}

static void the_sdks_count_begins_and_continues_calls(void)
{
    char first[CALL_ID_TEXT_MAX];

    EXPECT_U64(REFUSED(.retry_count = "0", .isolation = "a"), 1);
    EXPECT_U64(found.key, KEY_RETRY_COUNT);
    memcpy(first, found.call, sizeof(first));
    CU_ASSERT(strcmp(first + 21, ":1") == 0); /* "like:" and 16 digits */
    EXPECT_U64(REFUSED(.retry_count = "1", .isolation = "a"), 2);
    CU_ASSERT(is_same(first));
    EXPECT_U64(ANSWERED(.retry_count = "2", .isolation = "a"), 3);
    CU_ASSERT(is_same(first));
    EXPECT_U64(ANSWERED(.retry_count = "0", .isolation = "a"), 1);
    CU_ASSERT(strcmp(found.call + 21, ":2") == 0);
    CU_ASSERT(strncmp(found.call, first, 21) == 0);
}

static void a_retry_goes_to_the_call_that_has_had_so_many_attempts(void)
{
    char one[CALL_ID_TEXT_MAX], two[CALL_ID_TEXT_MAX];

    ASK(.retry_count = "0");
    memcpy(one, found.call, sizeof(one));
    ASK(.retry_count = "0");
    memcpy(two, found.call, sizeof(two));
    CU_ASSERT(!is_same(one));
    identity_settled(identity, slice_of(one), false);
    identity_settled(identity, slice_of(two), false);
    REFUSED(.retry_count = "1");
    CU_ASSERT(is_same(two));
    REFUSED(.retry_count = "1");
    CU_ASSERT(is_same(one));
    REFUSED(.retry_count = "5"); /* nobody's: the latest */
    CU_ASSERT(is_same(two));
    EXPECT_U64(found.ordinal, 6);
}

static void an_outer_layer_that_tries_again_goes_on_with_the_call(void)
{
    char first[CALL_ID_TEXT_MAX];

    for (uint32_t i = 0; i < 11; i++) {
        static const char *const counts[] = {"0", "1", "2"};

        EXPECT_U64(REFUSED(.retry_count = counts[i % 3]), i + 1);
        if (i == 0)
            memcpy(first, found.call, sizeof(first));
        CU_ASSERT(is_same(first));
    }
    EXPECT_U64(ANSWERED(.retry_count = "2"), 12);
    CU_ASSERT(is_same(first));
    EXPECT_U64(ANSWERED(.retry_count = "0"), 1);
    CU_ASSERT(!is_same(first));
}

static void a_count_from_0_begins_a_call_while_another_is_under_way(void)
{
    char first[CALL_ID_TEXT_MAX];

    REFUSED(.retry_count = "0");
    memcpy(first, found.call, sizeof(first));
    ASK(.retry_count = "1");
    CU_ASSERT(is_same(first));
    EXPECT_U64((ASK(.retry_count = "0"), found.ordinal), 1);
    CU_ASSERT(!is_same(first));
}

static void attempts_that_never_came_are_counted_in_every_round(void)
{
    EXPECT_U64(REFUSED(.retry_count = "2"), 3);
    EXPECT_U64(REFUSED(.retry_count = "0"), 4);
    EXPECT_U64(REFUSED(.retry_count = "2"), 6);
}

static void the_same_question_elsewhere_is_of_the_same_call(void)
{
    char first[CALL_ID_TEXT_MAX];

    EXPECT_U64(REFUSED(.retry_count = "0", .question = 7, .body = "a"), 1);
    memcpy(first, found.call, sizeof(first));
    CU_ASSERT(found.likeness != 0);
    EXPECT_U64(REFUSED(.question = 7, .path = "/v1/chat/completions", .body = "b"), 2);
    CU_ASSERT(is_same(first));
    REFUSED(.question = 8, .body = "a");
    CU_ASSERT(!is_same(first));
    REFUSED(.retry_count = "0", .question = 7, .isolation = "x");
    CU_ASSERT(!is_same(first));
    ASK(.call = "steady:1", .question = 7);
    EXPECT_U64(found.likeness, 0);
}

static void a_retry_of_a_call_that_is_over_or_unknown_begins_another(void)
{
    char first[CALL_ID_TEXT_MAX];

    EXPECT_U64(REFUSED(.retry_count = "2"), 3); /* the attempts before never came */
    memcpy(first, found.call, sizeof(first));
    ANSWERED(.retry_count = "3");
    CU_ASSERT(is_same(first));
    REFUSED(.retry_count = "4");
    CU_ASSERT(!is_same(first));
}

static void a_count_that_is_no_number_is_none(void)
{
    ASK(.retry_count = "-1");
    CU_ASSERT(!found.has_retry_count);
    EXPECT_U64(found.key, KEY_LIKENESS);
    ASK(.retry_count = "4294967295");
    CU_ASSERT(!found.has_retry_count);
}

static void an_isolation_path_with_one_question_is_one_call(void)
{
    EXPECT_TEXT(ASK(.isolation = "checkout"), "t:checkout");
    EXPECT_U64(found.key, KEY_ISOLATION);
    EXPECT_U64(REFUSED(.isolation = "checkout"), 2);
    EXPECT_TEXT(ASK(.isolation = "payment"), "t:payment");
}

static void a_second_question_under_an_isolation_path_ends_that(void)
{
    ASK(.isolation = "checkout");
    ASK(.isolation = "checkout", .body = "{\"other\":1}");
    EXPECT_U64(found.key, KEY_LIKENESS);
    ASK(.isolation = "checkout");
    EXPECT_U64(found.key, KEY_LIKENESS);
}

static void a_question_asked_again_after_its_answer_ends_that_too(void)
{
    ANSWERED(.isolation = "checkout");
    EXPECT_U64(found.key, KEY_ISOLATION);
    ASK(.isolation = "checkout");
    EXPECT_U64(found.key, KEY_LIKENESS);
    EXPECT_U64(found.ordinal, 1);
}

static void likeness_counts_attempts_until_a_good_answer(void)
{
    char first[CALL_ID_TEXT_MAX];

    EXPECT_U64(REFUSED(.body = "q"), 1);
    EXPECT_U64(found.key, KEY_LIKENESS);
    memcpy(first, found.call, sizeof(first));
    EXPECT_U64(ANSWERED(.body = "q"), 2);
    CU_ASSERT(is_same(first));
    EXPECT_U64(ANSWERED(.body = "q"), 1);
    CU_ASSERT(!is_same(first));
}

static void likeness_is_isolation_path_and_body(void)
{
    char first[CALL_ID_TEXT_MAX];

    ASK(.body = "q", .path = "/v1/messages?beta=true");
    memcpy(first, found.call, sizeof(first));
    ASK(.body = "q", .path = "/v1/messages");
    CU_ASSERT(is_same(first)); /* the query does not count */
    ASK(.body = "q", .path = "/v1/other");
    CU_ASSERT(!is_same(first));
    ASK(.body = "p");
    CU_ASSERT(!is_same(first));
    ASK(.body = "q", .retry_count = "0", .isolation = "x");
    CU_ASSERT(strncmp(first, found.call, 21) != 0);
}

static void a_request_without_a_body_asks_nothing(void)
{
    EXPECT_TEXT(ASK(.body = "", .retry_count = "0", .isolation = "x"), "");
    EXPECT_U64(found.key, KEY_NONE);
    EXPECT_U64(found.ordinal, 1);
    CU_ASSERT(found.has_retry_count);
    EXPECT_TEXT(ASK(.isolation = "x"), "t:x"); /* it was no question */
}

static void what_it_never_named_is_not_settled(void)
{
    static const char *const names[] = {"",          "like:",          "like:zz:1", "like:0:1",
                                        "trace-id:", "trace-id:aa:bb", "t:",        "trace:217"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        identity_settled(identity, slice_of(names[i]), true);
    EXPECT_TEXT(ASK(.isolation = "x"), "t:x");
}

static void the_call_unused_longest_makes_room(void)
{
    char name[16] = "c00";

    ASK(.call = "old");
    ASK(.call = "kept");
    for (int i = 0; i < 62; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        ASK(.call = name);
    }
    ASK(.call = "kept"); /* all 64 are here */
    EXPECT_U64(found.ordinal, 2);
    ASK(.call = "new");   /* instead of "old" */
    ASK(.call = "newer"); /* instead of "c00": "kept" was used since */
    ASK(.call = "kept");
    EXPECT_U64(found.ordinal, 3);
    ASK(.call = "old");
    EXPECT_U64(found.ordinal, 1);
}

static void a_question_asked_again_and_again_takes_one_place(void)
{
    ASK(.call = "kept");
    for (int i = 0; i < 100; i++)
        ANSWERED(.body = "q");
    ASK(.call = "kept");
    EXPECT_U64(found.ordinal, 2);
}

/* Ten times as many calls as are remembered, with every key and half of them settled. */
static void it_stays_whole_under_a_crowd(void)
{
    char body[] = "000", trace[] = TRACE_A;

    for (int i = 0; i < 640; i++) {
        body[0] = (char)('0' + i / 100);
        body[1] = (char)('0' + i / 10 % 10);
        body[2] = (char)('0' + i % 10);
        memcpy(trace + 3, body, 3);
        asked_and(i % 2 == 0, &(struct asking){.trace = i % 3 == 0 ? trace : NULL,
                                               .retry_count = i % 3 == 1 ? "0" : NULL,
                                               .isolation = i % 5 == 0 ? body : NULL,
                                               .body = body});
        EXPECT_U64(found.ordinal, 1);
    }
}

static void a_reset_forgets_one_isolation_path_or_all(void)
{
    ASK(.isolation = "a");
    ASK(.isolation = "b");
    identity_reset(identity, SLICE("a"));
    ASK(.isolation = "a");
    EXPECT_U64(found.ordinal, 1);
    ASK(.isolation = "b");
    EXPECT_U64(found.ordinal, 2);
    identity_reset(identity, SLICE(""));
    ASK(.isolation = "b");
    EXPECT_U64(found.ordinal, 1);
}

static void memory_may_fail_at_birth(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct identity *id = NULL;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = identity_new(&id, 8, &memory);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        identity_free(id);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    EXPECT_U64(allow, 4);
}

static CU_TestInfo tests[] = {
    {"the driver's header comes before all else", the_drivers_header_comes_before_all_else},
    {"a header without an attempt is counted", a_header_without_an_attempt_is_counted},
    {"an overlong header is none", an_overlong_header_is_none},
    {"finds a marker in the body however JSON writes it",
     finds_a_marker_in_the_body_however_json_writes_it},
    {"what is not quite a marker is none", what_is_not_quite_a_marker_is_none},
    {"a trace id names the call", a_trace_id_names_the_call},
    {"another question of a trace is another call", another_question_of_a_trace_is_another_call},
    {"a trace goes on with another call once one was answered",
     a_trace_goes_on_with_another_call_once_one_was_answered},
    {"calls of a trace side by side are kept apart", calls_of_a_trace_side_by_side_are_kept_apart},
    {"a malformed traceparent is none", a_malformed_traceparent_is_none},
    {"the SDK's count begins and continues calls", the_sdks_count_begins_and_continues_calls},
    {"a retry goes to the call that has had so many attempts",
     a_retry_goes_to_the_call_that_has_had_so_many_attempts},
    {"an outer layer that tries again goes on with the call",
     an_outer_layer_that_tries_again_goes_on_with_the_call},
    {"a count from 0 begins a call while another is under way",
     a_count_from_0_begins_a_call_while_another_is_under_way},
    {"attempts that never came are counted in every round",
     attempts_that_never_came_are_counted_in_every_round},
    {"the same question elsewhere is of the same call",
     the_same_question_elsewhere_is_of_the_same_call},
    {"a retry of a call that is over or unknown begins another",
     a_retry_of_a_call_that_is_over_or_unknown_begins_another},
    {"a count that is no number is none", a_count_that_is_no_number_is_none},
    {"an isolation path with one question is one call",
     an_isolation_path_with_one_question_is_one_call},
    {"a second question under an isolation path ends that",
     a_second_question_under_an_isolation_path_ends_that},
    {"a question asked again after its answer ends that, too",
     a_question_asked_again_after_its_answer_ends_that_too},
    {"likeness counts attempts until a good answer", likeness_counts_attempts_until_a_good_answer},
    {"likeness is isolation, path and body", likeness_is_isolation_path_and_body},
    {"a request without a body asks nothing", a_request_without_a_body_asks_nothing},
    {"what it never named is not settled", what_it_never_named_is_not_settled},
    {"the call unused longest makes room", the_call_unused_longest_makes_room},
    {"a question asked again and again takes one place",
     a_question_asked_again_and_again_takes_one_place},
    {"it stays whole under a crowd", it_stays_whole_under_a_crowd},
    {"a reset forgets one isolation path or all", a_reset_forgets_one_isolation_path_or_all},
    {"memory may fail at birth", memory_may_fail_at_birth},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo identity_suite = {"identity", NULL, NULL, set_up, tear_down, tests};
