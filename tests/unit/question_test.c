/* What a request asks, as a hash: format_read_question of wire/format.h. */

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "wire/format.h"

static uint64_t question(enum api api, const char *body)
{
    struct asked asked = {.question = 99};

    EXPECT_RC(format_read_question(api, slice_of(body), &asked, NULL), RC_OK);
    return asked.question;
}

static void the_same_prompt_is_the_same_question_in_every_format(void)
{
    static const struct {
        enum api api;
        const char *body;
    } asks[] = {
        {API_ANTHROPIC, "{\"model\":\"a\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
                        "\"content\":\"why?\\n\"}],\"system\":\"be \\u00e9\"}"},
        {API_ANTHROPIC,
         "{\"system\":[{\"type\":\"text\",\"text\":\"be é\"}],\"messages\":[{\"role\":\"user\","
         "\"content\":[{\"type\":\"text\",\"text\":\"why?\\u000a\"}]}],\"stream\":true}"},
        {API_OPENAI_CHAT,
         "{\"model\":\"b\",\"messages\":[{\"role\":\"system\",\"content\":\"be é\"},"
         "{\"role\":\"user\",\"content\":\"why?\\n\"}]}"},
        {API_OPENAI_CHAT,
         "{\"model\":\"c\",\"messages\":[{\"role\":\"developer\",\"content\":\"be é\"},{\"role\":"
         "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"why?\\n\"}]}],\"temperature\":1}"},
        {API_OPENAI_RESPONSES, "{\"model\":\"d\",\"input\":\"why?\\n\",\"instructions\":\"be é\"}"},
        {API_OPENAI_RESPONSES,
         "{\"model\":\"d\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":"
         "[{\"type\":\"input_text\",\"text\":\"why?\\n\"}]}],\"instructions\":\"be é\"}"},
        {API_GEMINI, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"why?\\n\"}]}],"
                     "\"systemInstruction\":{\"parts\":[{\"text\":\"be é\"}]}}"},
    };
    uint64_t first = question(asks[0].api, asks[0].body);

    CU_ASSERT(first != 0);
    for (size_t i = 1; i < sizeof(asks) / sizeof(asks[0]); i++)
        EXPECT_U64(question(asks[i].api, asks[i].body), first);
}

#define USER(content) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":" content "}]}"

static void another_prompt_is_another_question(void)
{
    uint64_t one = question(API_OPENAI_CHAT, USER("\"a\""));

    CU_ASSERT(question(API_OPENAI_CHAT, USER("\"b\"")) != one);
    CU_ASSERT(question(API_OPENAI_CHAT, USER("\"a \"")) != one);
    CU_ASSERT(question(API_OPENAI_CHAT, USER("\"a\"},{\"role\":\"user\",\"content\":\"a\"")) !=
              one);
    CU_ASSERT(question(API_OPENAI_CHAT, USER("\"a\"},{\"role\":\"system\",\"content\":\"c\"")) !=
              one);
    EXPECT_U64(question(API_OPENAI_CHAT, USER("\"a\"},{\"role\":\"user\",\"content\":\"\"")), one);
}

/* Two pictures with one text are two questions; of them the model is no part. */
static void what_is_no_text_counts_as_it_is_written(void)
{
    static const struct {
        enum api api;
        const char *format;
    } asks[] = {
        {API_ANTHROPIC, USER("[{\"type\":\"text\",\"text\":\"what?\"},{\"type\":\"image\","
                             "\"source\":{\"data\":\"%s\"}}]")},
        {API_ANTHROPIC,
         USER("[{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\","
              "\"source\":{\"data\":\"%s\"}},{\"type\":\"text\",\"text\":\"a\"}]}]")},
        {API_OPENAI_CHAT, USER("[{\"type\":\"text\",\"text\":\"what?\"},{\"type\":\"image_url\","
                               "\"image_url\":{\"url\":\"%s\"}}]")},
        {API_OPENAI_CHAT, USER("\"what?\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
                               "[{\"id\":\"%s\"}]")},
        {API_OPENAI_RESPONSES,
         "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
         "\"text\":\"what?\"},{\"type\":\"input_image\",\"url\":\"%s\"}]}]}"},
        {API_OPENAI_RESPONSES, "{\"input\":[{\"role\":\"user\",\"content\":\"what?\"},{\"type\":"
                               "\"item_reference\",\"id\":\"%s\"}]}"},
        {API_GEMINI, "{\"contents\":[{\"parts\":[{\"text\":\"what?\"},{\"inlineData\":{\"data\":"
                     "\"%s\"}}]}]}"},
        {API_GEMINI, "{\"contents\":[{\"parts\":[{\"text\":\"what?\"},{\"file_data\":{\"uri\":"
                     "\"%s\"}}]}]}"},
    };

    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        char one[512], two[512];
        const char *hole = strstr(asks[i].format, "%s");
        int before = (int)(hole - asks[i].format);

        snprintf(one, sizeof(one), "%.*s%s%s", before, asks[i].format, "1", hole + 2);
        snprintf(two, sizeof(two), "%.*s%s%s", before, asks[i].format, "2", hole + 2);
        CU_ASSERT(question(asks[i].api, one) != 0);
        CU_ASSERT(question(asks[i].api, one) != question(asks[i].api, two));
    }
    EXPECT_U64(question(API_ANTHROPIC, USER("[{\"type\":\"image\",\"data\":\"a\"}]")),
               question(API_ANTHROPIC, "{\"model\":\"other\",\"max_tokens\":9,\"messages\":[{"
                                       "\"role\":\"user\",\"content\":[{\"type\":\"image\","
                                       "\"data\":\"a\"}]}]}"));
}

static void what_is_embedded_is_a_question_too(void)
{
    uint64_t one = question(API_OPENAI_CHAT, "{\"model\":\"e\",\"input\":\"a\"}");
    uint64_t list = question(API_OPENAI_CHAT, "{\"model\":\"e\",\"input\":[\"a\",\"b\"]}");

    CU_ASSERT(one != 0 && list != 0 && one != list);
    EXPECT_U64(question(API_OPENAI_CHAT, "{\"input\":\"a\",\"model\":\"f\"}"), one);
    CU_ASSERT(question(API_OPENAI_CHAT, "{\"input\":[\"a\",\"c\"]}") != list);
}

static void nothing_is_no_question(void)
{
    EXPECT_U64(question(API_OPENAI_CHAT, "{\"model\":\"m\"}"), 0);
    EXPECT_U64(question(API_GEMINI, "{}"), 0);
}

static void who_does_not_want_to_know_is_not_told(void)
{
    struct asked asked;

    EXPECT_RC(format_read_ask(API_OPENAI_CHAT, SLICE(USER("\"a\"")), &asked, NULL), RC_OK);
    EXPECT_U64(asked.question, 0);
    EXPECT_U64(asked.prompt_bytes, 1);
}

/* Texts are hashed in pieces: wherever an escape stands, it changes nothing. */
static void escapes_change_nothing_wherever_they_stand(void)
{
    enum { SIZE = 3 * 4096 };
    static char plain[SIZE + 64], escaped[SIZE + 64];
    uint64_t expected;

    for (size_t size = 4090; size <= SIZE; size += size == 4100 ? 4090 : 1) {
        memset(plain, 'a', sizeof(plain));
        memcpy(plain, "{\"input\":\"", 10);
        memcpy(plain + 10 + size, "\"}", 3);
        expected = question(API_OPENAI_RESPONSES, plain);
        for (size_t at = size - 8; at < size; at++) {
            memcpy(escaped, plain, 10 + at);
            memcpy(escaped + 10 + at, "\\u0061", 6);
            memcpy(escaped + 10 + at + 6, plain + 10 + at + 1, size - at + 2);
            EXPECT_U64(question(API_OPENAI_RESPONSES, escaped), expected);
        }
        if (size >= 8190)
            break;
    }
}

static CU_TestInfo tests[] = {
    {"the same prompt is the same question in every format",
     the_same_prompt_is_the_same_question_in_every_format},
    {"another prompt is another question", another_prompt_is_another_question},
    {"what is no text counts as it is written", what_is_no_text_counts_as_it_is_written},
    {"what is embedded is a question, too", what_is_embedded_is_a_question_too},
    {"nothing is no question", nothing_is_no_question},
    {"who does not want to know is not told", who_does_not_want_to_know_is_not_told},
    {"escapes change nothing, wherever they stand", escapes_change_nothing_wherever_they_stand},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo question_suite = {"question", NULL, NULL, NULL, NULL, tests};
