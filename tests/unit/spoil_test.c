#include "engine/spoil.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

#define KEPT "before|"
#define ONE "event: a\ndata: {\"x\":1}\n\n"
#define TWO "event: b\ndata: {\"y\":2}\n\n"
#define THREE "data: {\"z\":3}\n\n"
#define DONE "data: [DONE]\n\n"

static struct buffer out;
static size_t at;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

/* Something that must stay, then the events. */
static void begin(const char *events)
{
    buffer_clear(&out);
    buffer_text(&out, KEPT);
    at = out.size;
    buffer_text(&out, events);
}

#define EXPECT_OUT(events) EXPECT_TEXT(buffer_slice(&out), KEPT events)

static void drops_the_names_of_events(void)
{
    begin(ONE TWO THREE);
    spoil_event_names(&out, at);
    EXPECT_OUT("data: {\"x\":1}\n\ndata: {\"y\":2}\n\ndata: {\"z\":3}\n\n");
}

static void ends_lines_in_cr_lf_once(void)
{
    begin(THREE "data: {}\r\n\r\n");
    spoil_line_ends(&out, at);
    EXPECT_OUT("data: {\"z\":3}\r\n\r\ndata: {}\r\n\r\n");
}

static void breaks_the_json_of_the_last_event(void)
{
    begin(ONE TWO);
    spoil_json(&out, at);
    EXPECT_OUT(ONE "event: b\ndata: {\"y\":2\n\n");
}

static void repeats_the_last_event(void)
{
    begin(ONE TWO);
    spoil_duplicate(&out, at);
    EXPECT_OUT(ONE TWO TWO);
}

static void swaps_the_first_two_events(void)
{
    begin(ONE TWO THREE);
    spoil_order(&out, at);
    EXPECT_OUT(TWO ONE THREE);
    begin(ONE);
    spoil_order(&out, at);
    EXPECT_OUT(ONE);
}

static void drops_done(void)
{
    begin(THREE DONE);
    spoil_done_missing(&out, at);
    EXPECT_OUT(THREE);
    begin(ONE);
    spoil_done_missing(&out, at);
    EXPECT_OUT(ONE);
}

static void moves_done_to_the_front(void)
{
    begin(THREE THREE DONE);
    spoil_done_early(&out, at);
    EXPECT_OUT(DONE THREE THREE);
    begin(ONE);
    spoil_done_early(&out, at);
    EXPECT_OUT(ONE);
}

static void says_done_where_there_is_none(void)
{
    begin(ONE);
    spoil_done_wrong(&out, at);
    EXPECT_OUT(ONE DONE);
    begin(THREE DONE);
    spoil_done_wrong(&out, at);
    EXPECT_OUT(THREE DONE);
}

static void keeps_half_of_an_event(void)
{
    begin(THREE TWO);
    spoil_half(&out, at);
    EXPECT_OUT("data: {");
}

static void makes_an_array_of_events(void)
{
    begin("data: {\"x\":1}\r\n\r\ndata: {\"y\":2}\r\n\r\n");
    spoil_to_array(&out, at, true);
    EXPECT_OUT("[{\"x\":1},\r\n{\"y\":2}");
    begin(THREE);
    spoil_to_array(&out, at, false);
    EXPECT_OUT(",\r\n{\"z\":3}");
}

static void leaves_nothing_where_nothing_is(void)
{
    begin("");
    spoil_event_names(&out, at);
    spoil_line_ends(&out, at);
    spoil_json(&out, at);
    spoil_duplicate(&out, at);
    spoil_order(&out, at);
    spoil_done_missing(&out, at);
    spoil_done_early(&out, at);
    spoil_half(&out, at);
    spoil_to_array(&out, at, true);
    EXPECT_OUT("");
}

static void ends_writes_inside_characters_and_line_ends(void)
{
    EXPECT_U64(spoil_write_inside_utf8(SLICE("ab\xe2\x9f\xa6z")), 3);
    EXPECT_U64(spoil_write_inside_utf8(SLICE("\x9f\xa6z")), 3);
    EXPECT_U64(spoil_write_inside_crlf(SLICE("ab\r\n\r\n")), 3);
    EXPECT_U64(spoil_write_inside_crlf(SLICE("\n\r\n")), 2);
    EXPECT_U64(spoil_write_inside_crlf(SLICE("ab")), 2);
}

static void leaves_events_alone_without_memory(void)
{
    struct flaky flaky = {.allow = 1};
    struct memory memory = flaky_memory(&flaky);
    struct buffer tight;

    buffer_init(&tight, &memory, 1 << 16);
    do
        buffer_text(&tight, THREE);
    while (tight.size + 2 * sizeof(THREE) < tight.capacity);
    for (size_t size = tight.size; tight.rc == RC_OK; size = tight.size) {
        spoil_duplicate(&tight, 0);
        CU_ASSERT(tight.rc == RC_OK || tight.size == size);
    }
    CU_ASSERT(flaky.failed);
    buffer_deinit(&tight);
    EXPECT_U64(flaky.live, 0);
}

static CU_TestInfo tests[] = {
    {"drops the names of events", drops_the_names_of_events},
    {"ends lines in CR LF once", ends_lines_in_cr_lf_once},
    {"breaks the JSON of the last event", breaks_the_json_of_the_last_event},
    {"repeats the last event", repeats_the_last_event},
    {"swaps the first two events", swaps_the_first_two_events},
    {"drops [DONE]", drops_done},
    {"moves [DONE] to the front", moves_done_to_the_front},
    {"says [DONE] where there is none", says_done_where_there_is_none},
    {"keeps half of an event", keeps_half_of_an_event},
    {"makes an array of events", makes_an_array_of_events},
    {"leaves nothing where nothing is", leaves_nothing_where_nothing_is},
    {"ends writes inside characters and line ends", ends_writes_inside_characters_and_line_ends},
    {"leaves events alone without memory", leaves_events_alone_without_memory},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo spoil_suite = {"spoil", NULL, NULL, set_up, tear_down, tests};
