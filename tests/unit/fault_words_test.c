/* One list of faults: what it says is what the reader and the schema take, and what
 * docs/faults.md tells, a line each. */

#include "scenario/fault_words.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "scenario/scenario.h"
#include "tests/support/expect.h"
#include "tests/support/schema.h"
#include "tests/support/tree.h"

/* Its one model has capacity, so that every fault has something to hit. */
static const char BEFORE[] =
    "{\"name\": \"one\", \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\", "
    "\"capacity\": {\"places\": 5}}}}}, \"load\": {\"requests\": [{\"model\": \"m\", "
    "\"input_tokens\": 8, \"output_tokens\": 3}], \"arrivals\": [{\"rate\": \"1/s\", \"for\": "
    "\"9s\"}]}, \"chaos\": [{\"phase\": \"p\", \"fault\": ";
static const char AFTER[] = "}]}";

static struct scenario scenario;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 16 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static struct slice with_fault(const char *fault)
{
    struct slice text = {arena_take(&arena, 2048, 1), 0};
    int size = snprintf((char *)text.data, 2048, "%s%s%s", BEFORE, fault, AFTER);

    text.size = (size_t)size;
    return text;
}

static void the_reader_takes_each_example(void)
{
    for (uint32_t i = 0; i < FAULT_WORDS_COUNT; i++) {
        const struct fault_word_card *card = fault_word_card((enum fault_word)i);

        if (scenario_load(&scenario, with_fault(card->example), slice_of(card->word), NULL, &arena,
                          &err) != RC_OK)
            CU_FAIL(err.text);
        CU_ASSERT(slice_starts_with(slice_of(card->example + 2), slice_of(card->word)));
    }
}

static void the_schema_takes_each_example(void)
{
    struct slice schema = tree_read("scenarios/scenario.schema.json", &arena);

    for (uint32_t i = 0; i < FAULT_WORDS_COUNT; i++) {
        const struct fault_word_card *card = fault_word_card((enum fault_word)i);

        if (schema_check(schema, with_fault(card->example)) != SCHEMA_ACCEPTS)
            CU_FAIL(card->word);
    }
}

static void the_page_on_faults_has_a_line_for_each(void)
{
    struct slice page = tree_read("docs/faults.md", &arena);

    for (uint32_t i = 0; i < FAULT_WORDS_COUNT; i++) {
        const struct fault_word_card *card = fault_word_card((enum fault_word)i);
        char line[640];

        snprintf(line, sizeof(line), "\n| `%s` | %s | %s | `%s` |\n", card->word, card->about,
                 card->where, card->example);
        if (!slice_has(page, slice_of(line)))
            CU_FAIL(line);
    }
}

/* What may stand beside a word does, and is refused beside the others. */
static void heads_and_bodies_stand_beside_those_that_have_room(void)
{
    static const struct {
        const char *text;
        unsigned needed;
        enum fault_word word;
    } besides[] = {
        {", \"headers\": {\"x-a\": \"1\"}}", FAULT_TAKES_HEAD, FAULT_WORD_HEADERS},
        {", \"content_type\": null}", FAULT_TAKES_HEAD, FAULT_WORD_CONTENT_TYPE},
        {", \"body\": \"x\"}", FAULT_TAKES_BODY, FAULT_WORD_BODY},
    };
    struct slice schema = tree_read("scenarios/scenario.schema.json", &arena);

    for (uint32_t i = 0; i < FAULT_WORDS_COUNT * ARRAY_SIZE(besides); i++) {
        const struct fault_word_card *card =
            fault_word_card((enum fault_word)(i / ARRAY_SIZE(besides)));
        size_t beside = i % ARRAY_SIZE(besides);
        struct slice text;
        char fault[512];
        bool takes = card->takes & besides[beside].needed;

        if (card == fault_word_card(besides[beside].word))
            continue;
        snprintf(fault, sizeof(fault), "%.*s%s", (int)strlen(card->example) - 1, card->example,
                 besides[beside].text);
        text = with_fault(fault);
        if ((scenario_load(&scenario, text, SLICE("f"), NULL, &arena, &err) == RC_OK) != takes ||
            (schema_check(schema, text) == SCHEMA_ACCEPTS) != takes)
            CU_FAIL(fault);
    }
}

static CU_TestInfo tests[] = {
    {"the reader takes each example", the_reader_takes_each_example},
    {"the schema takes each example", the_schema_takes_each_example},
    {"the page on faults has a line for each", the_page_on_faults_has_a_line_for_each},
    {"heads and bodies stand beside those that have room",
     heads_and_bodies_stand_beside_those_that_have_room},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo fault_words_suite = {"fault_words", NULL, NULL, set_up, tear_down, tests};
