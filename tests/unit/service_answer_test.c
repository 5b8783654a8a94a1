/* What a service passes on is read by the attempt's reader; every body here is fed whole, cut in
 * two at every byte, and byte by byte, and must tell the same each time. */

#include "engine/service_answer.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "engine/answer_reader.h"
#include "tests/support/expect.h"

enum { WALL_UNIX_NS = 0 };

static struct answer_reader reader;
static struct service_rules rules;
static struct attempt_record record;

/* What comes to us, and what is to be made of it. */
struct exchange {
    const char *type; /* "content-type: ..." */
    const char *body;
    uint16_t status; /* 0: 200 */
    enum client_end end;
    enum outcome outcome;
    struct heard heard;
};

static void set_up(void)
{
    rules = (struct service_rules){.is_plain = true,
                                   .answer = SLICE("/reply/text"),
                                   .delta = SLICE("/delta"),
                                   .ends_at = SLICE("/finish")};
    reader_init(&reader, memory_heap());
    reader.service.rules = &rules;
}

static void tear_down(void)
{
    reader_deinit(&reader);
}

static void begin(const struct exchange *exchange, bool stream)
{
    struct answer_head head = {0};

    record = (struct attempt_record){.first_token_at = NANOS_NEVER,
                                     .first_content_at = NANOS_NEVER,
                                     .last_content_at = NANOS_NEVER};
    reader_begin(&reader, rules.speaks, stream);
    answer_head_line(&head, SLICE("HTTP/1.1 200 OK"));
    if (exchange->type != NULL)
        answer_head_line(&head, slice_of(exchange->type));
    if (exchange->status != 0)
        head.status = exchange->status;
    reader_head(&reader, &head, 10, WALL_UNIX_NS, &record);
}

static void feed(const char *data, size_t size)
{
    reader_body(&reader, (struct slice){data, size}, 20, &record);
}

static void finish(const struct exchange *exchange)
{
    struct heard heard;

    EXPECT_U64(reader_end(&reader, exchange->end, &record), exchange->outcome);
    heard = service_answer_heard(&reader.service);
    EXPECT_U64(heard.is_checked, exchange->heard.words > 0);
    EXPECT_U64(heard.request, exchange->heard.request);
    EXPECT_U64(heard.words, exchange->heard.words);
    EXPECT_U64(heard.repeated, exchange->heard.repeated);
    EXPECT_U64(heard.missing, exchange->heard.missing);
    EXPECT_U64(heard.marks, exchange->heard.marks);
}

static void check(bool stream, struct exchange exchange)
{
    size_t size = strlen(exchange.body);

    begin(&exchange, stream);
    feed(exchange.body, size);
    finish(&exchange);
    for (size_t cut = 1; cut < size; cut++) {
        begin(&exchange, stream);
        feed(exchange.body, cut);
        feed(exchange.body + cut, size - cut);
        finish(&exchange);
    }
    begin(&exchange, stream);
    for (size_t i = 0; i < size; i++)
        feed(exchange.body + i, 1);
    finish(&exchange);
}

#define JSON "content-type: application/json"
#define EVENTS "content-type: text/event-stream"
#define LINES "content-type: application/x-ndjson"

/* --- JSON of its own -------------------------------------------------------------------------- */

static void a_whole_answer_is_found_by_its_pointer(void)
{
    check(false, (struct exchange){.type = JSON,
                                   .body = "{\"reply\": {\"text\": \"⟦r7⟧ w1 w2\", \"n\": 3}}",
                                   .outcome = OUTCOME_OK,
                                   .heard = {.request = 7, .words = 3, .marks = 1}});
    EXPECT_I64(record.last_content_at, 20);
}

static void escapes_are_decoded_before_it_is_heard(void)
{
    check(false,
          (struct exchange){.type = JSON,
                            .body = "{\"reply\": {\"text\": \"\\u27e6r7\\u27e7\\nw1\\tw2\"}}",
                            .outcome = OUTCOME_OK,
                            .heard = {.request = 7, .words = 3, .marks = 1}});
}

static void an_answer_without_text_is_empty(void)
{
    check(false, (struct exchange){.type = JSON, .body = "{}", .outcome = OUTCOME_EMPTY});
    check(false, (struct exchange){.type = JSON,
                                   .body = "{\"reply\": {\"text\": \"\"}}",
                                   .outcome = OUTCOME_EMPTY});
}

static void an_error_in_its_place_is_a_failure(void)
{
    check(false, (struct exchange){.type = JSON,
                                   .body = "{\"error\": {\"message\": \"no luck\"}}",
                                   .outcome = OUTCOME_SERVER_ERROR});
    CU_ASSERT_STRING_EQUAL(reader.answer.error_message, "no luck");
    check(false, (struct exchange){.type = JSON,
                                   .body = "{\"error\": null, \"reply\": {\"text\": \"yes\"}}",
                                   .outcome = OUTCOME_OK});
}

static void what_is_no_json_is_malformed(void)
{
    check(false, (struct exchange){
                     .type = JSON, .body = "<html>sorry</html>", .outcome = OUTCOME_MALFORMED});
}

static void a_status_says_what_went_wrong(void)
{
    check(false, (struct exchange){.type = JSON,
                                   .status = 429,
                                   .body = "{\"detail\": \"slow down\"}",
                                   .outcome = OUTCOME_RATE_LIMITED});
    CU_ASSERT_STRING_EQUAL(reader.answer.error_message, "slow down");
    check(false, (struct exchange){.status = 503,
                                   .body = " Service Unavailable\n",
                                   .outcome = OUTCOME_OVERLOADED});
    CU_ASSERT_STRING_EQUAL(reader.answer.error_message, "Service Unavailable");
}

static void created_is_as_good_as_ok(void)
{
    check(false, (struct exchange){.type = JSON,
                                   .status = 201,
                                   .body = "{\"reply\": {\"text\": \"yes\"}}",
                                   .outcome = OUTCOME_OK});
    EXPECT_U64(record.status, 201);
    check(true, (struct exchange){.type = EVENTS,
                                  .status = 201,
                                  .body = "data: {\"delta\": \"x\", \"finish\": 1}\n\n",
                                  .outcome = OUTCOME_OK});
}

static void events_are_heard_until_the_last(void)
{
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"⟦r7⟧ w\"}\n\n"
                                          "data: {\"delta\": \"1 w2\"}\n\n"
                                          "data: {\"delta\": \"\", \"finish\": \"stop\"}\n\n",
                                  .outcome = OUTCOME_OK,
                                  .heard = {.request = 7, .words = 3, .marks = 1}});
    EXPECT_I64(record.first_content_at, 20);
}

static void a_finish_that_is_null_or_false_is_none(void)
{
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"⟦r7⟧\", \"finish\": null}\n\n"
                                          "data: {\"delta\": \" w1\", \"finish\": false}\n\n",
                                  .outcome = OUTCOME_TRUNCATED,
                                  .heard = {.request = 7, .words = 2, .marks = 1}});
}

static void a_stream_may_end_with_a_word(void)
{
    rules.ends_at = (struct slice){0};
    rules.done = SLICE("[DONE]");
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"hello\"}\n\ndata: [DONE]\n\n",
                                  .outcome = OUTCOME_OK});
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"hello\"}\n\n",
                                  .outcome = OUTCOME_TRUNCATED});
    check(true,
          (struct exchange){.type = EVENTS, .body = "data: [DONE]\n\n", .outcome = OUTCOME_EMPTY});
}

static void a_stream_without_an_end_ends_with_its_body(void)
{
    rules.ends_at = (struct slice){0};
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"hello\"}\n\n",
                                  .outcome = OUTCOME_OK});
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"hello\"}\n\n",
                                  .end = END_SHORT,
                                  .outcome = OUTCOME_TRUNCATED});
    check(true, (struct exchange){
                    .type = EVENTS, .body = "data: {\"other\": 1}\n\n", .outcome = OUTCOME_EMPTY});
}

static void words_after_the_end_do_no_harm(void)
{
    check(true,
          (struct exchange){.type = EVENTS,
                            .body = "data: {\"delta\": \"x\", \"finish\": 1}\n\ndata: bye\n\n",
                            .outcome = OUTCOME_OK});
}

static void an_error_event_is_a_failure(void)
{
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "data: {\"delta\": \"x\"}\n\n"
                                          "data: {\"error\": \"upstream died\"}\n\n",
                                  .outcome = OUTCOME_STREAM_ERROR});
    CU_ASSERT_STRING_EQUAL(reader.answer.error_message, "upstream died");
    check(true, (struct exchange){.type = EVENTS,
                                  .body = "event: error\ndata: {\"code\": 3}\n\n",
                                  .outcome = OUTCOME_STREAM_ERROR});
}

static void lines_of_json_are_a_stream_too(void)
{
    check(true, (struct exchange){.type = LINES,
                                  .body = "{\"delta\": \"⟦r7⟧ w1\"}\r\n\n{\"delta\": \" w2\"}\n"
                                          "{\"finish\": true}",
                                  .outcome = OUTCOME_OK,
                                  .heard = {.request = 7, .words = 3, .marks = 1}});
    check(true, (struct exchange){.type = LINES,
                                  .body = "{\"delta\": \"⟦r7⟧ w1\"}\n{\"delta\": \" w2\"}\n{\"fin",
                                  .end = END_SHORT,
                                  .outcome = OUTCOME_TRUNCATED,
                                  .heard = {.request = 7, .words = 3, .marks = 1}});
}

/* --- formats ---------------------------------------------------------------------------------- */

static void every_format_is_heard(void)
{
    static const struct {
        enum api api;
        const char *event, *body;
    } table[] = {
        {API_OPENAI_CHAT,
         "data: {\"choices\":[{\"delta\":{\"content\":\"⟦r7⟧ "
         "w1\"},\"finish_reason\":\"stop\"}]}\n\n",
         "{\"choices\":[{\"message\":{\"content\":\"⟦r7⟧ w1\"},\"finish_reason\":\"stop\"}]}"},
        {API_ANTHROPIC,
         "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
         "\"delta\":{\"type\":\"text_delta\",\"text\":\"⟦r7⟧ w1\"}}\n\n"
         "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
         "{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"⟦r7⟧ \"},"
         "{\"type\":\"text\",\"text\":\"w1\"}],\"stop_reason\":\"end_turn\"}"},
        {API_OPENAI_RESPONSES,
         "data: {\"type\":\"response.output_text.delta\",\"delta\":\"⟦r7⟧ w1\"}\n\n"
         "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
         "{\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":"
         "[{\"type\":\"output_text\",\"text\":\"⟦r7⟧ w1\"}]}]}"},
        {API_GEMINI,
         "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"⟦r7⟧ w1\"}]},"
         "\"finishReason\":\"STOP\"}]}\n\n",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"⟦r7⟧ w1\"}]},"
         "\"finishReason\":\"STOP\"}]}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct heard heard = {.request = 7, .words = 2, .marks = 1};

        rules = (struct service_rules){.speaks = table[i].api};
        check(true,
              (struct exchange){
                  .type = EVENTS, .body = table[i].event, .outcome = OUTCOME_OK, .heard = heard});
        check(false,
              (struct exchange){
                  .type = JSON, .body = table[i].body, .outcome = OUTCOME_OK, .heard = heard});
    }
}

static void one_answer_does_not_sound_in_the_next(void)
{
    rules = (struct service_rules){.speaks = API_OPENAI_CHAT};
    check(true, (struct exchange){
                    .type = EVENTS,
                    .body = "data: {\"choices\":[{\"delta\":{\"content\":\"⟦r7⟧ w1 w1 w3\"}}]}\n\n",
                    .outcome = OUTCOME_TRUNCATED,
                    .heard = {.request = 7, .words = 3, .repeated = 1, .missing = 1, .marks = 1}});
    check(true,
          (struct exchange){.type = EVENTS,
                            .body = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n",
                            .outcome = OUTCOME_TRUNCATED});
}

static CU_TestInfo tests[] = {
    {"a whole answer is found by its pointer", a_whole_answer_is_found_by_its_pointer},
    {"escapes are decoded before it is heard", escapes_are_decoded_before_it_is_heard},
    {"an answer without text is empty", an_answer_without_text_is_empty},
    {"an error in its place is a failure", an_error_in_its_place_is_a_failure},
    {"what is no JSON is malformed", what_is_no_json_is_malformed},
    {"a status says what went wrong", a_status_says_what_went_wrong},
    {"created is as good as ok", created_is_as_good_as_ok},
    {"events are heard until the last", events_are_heard_until_the_last},
    {"a finish that is null or false is none", a_finish_that_is_null_or_false_is_none},
    {"a stream may end with a word", a_stream_may_end_with_a_word},
    {"a stream without an end ends with its body", a_stream_without_an_end_ends_with_its_body},
    {"words after the end do no harm", words_after_the_end_do_no_harm},
    {"an error event is a failure", an_error_event_is_a_failure},
    {"lines of JSON are a stream too", lines_of_json_are_a_stream_too},
    {"every format is heard", every_format_is_heard},
    {"one answer does not sound in the next", one_answer_does_not_sound_in_the_next},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo service_answer_suite = {"service_answer", NULL, NULL, set_up, tear_down, tests};
