/* Every stream here is read whole, cut in two and in three at every byte, and byte by byte, and
 * must give the same events each time (catalogue STR-08). Events are written down as "name|data;"
 * and compared as text. */

#include "wire/sse.h"

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum { EVENT_BYTES_MAX = 4096, LOG_BYTES_MAX = 1 << 16 };

static struct sse sse;
static struct buffer seen;

static int set_up_suite(void)
{
    buffer_init(&seen, memory_heap(), LOG_BYTES_MAX);
    return 0;
}

static int tear_down_suite(void)
{
    buffer_deinit(&seen);
    return 0;
}

static void set_up(void)
{
    sse_init(&sse, memory_heap(), EVENT_BYTES_MAX);
    buffer_clear(&seen);
}

static void tear_down(void)
{
    sse_deinit(&sse);
}

/* Feeds a copy of exactly these bytes, and ruins it afterwards: nothing may point there any more,
 * and the address sanitizer sees every byte read behind it. */
static enum rc feed(const char *data, size_t size)
{
    char *copy = memory_zeroed(memory_heap(), size, 1);
    struct sse_event event;
    enum rc rc;

    memcpy(copy, data, size);
    sse_feed(&sse, (struct slice){copy, size});
    while ((rc = sse_next(&sse, &event)) == RC_OK) {
        buffer_append(&seen, event.name);
        buffer_byte(&seen, '|');
        buffer_append(&seen, event.data);
        buffer_byte(&seen, ';');
    }
    memset(copy, '#', size);
    memory_release(memory_heap(), copy);
    return rc;
}

static void start_over(void)
{
    sse_clear(&sse);
    buffer_clear(&seen);
}

static void expect_events(struct slice stream, struct slice events,
                          const struct expect_place *place)
{
    EXPECT_RC(feed(stream.data, stream.size), RC_AGAIN);
    expect_text(buffer_slice(&seen), events, place);
    for (size_t first = 0; first <= stream.size; first++) {
        for (size_t second = first; second <= stream.size; second++) {
            start_over();
            EXPECT_RC(feed(stream.data, first), RC_AGAIN);
            EXPECT_RC(feed(stream.data + first, second - first), RC_AGAIN);
            EXPECT_RC(feed(stream.data + second, stream.size - second), RC_AGAIN);
            expect_text(buffer_slice(&seen), events, place);
        }
    }
    start_over();
    for (size_t i = 0; i < stream.size; i++)
        EXPECT_RC(feed(stream.data + i, 1), RC_AGAIN);
    expect_text(buffer_slice(&seen), events, place);
}

#define EXPECT_EVENTS(stream, events)           \
    expect_events(SLICE(stream), SLICE(events), \
                  &(struct expect_place){"EXPECT_EVENTS(" #stream ")", __FILE__, __LINE__})

static void reads_named_events_as_anthropic_sends_them(void)
{
    EXPECT_EVENTS("event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
                  "event: ping\ndata: {\"type\": \"ping\"}\n\n",
                  "message_start|{\"type\":\"message_start\"};ping|{\"type\": \"ping\"};");
}

static void reads_nameless_events_as_openai_sends_them(void)
{
    EXPECT_EVENTS("data: {\"choices\":[]}\n\ndata: [DONE]\n\n", "|{\"choices\":[]};|[DONE];");
}

static void str_08_lines_end_with_lf_cr_or_crlf_in_any_mixture(void)
{
    EXPECT_EVENTS("data: a\n\ndata: b\r\rdata: c\r\n\r\ndata: d\n\r\ndata: e\r\n\rdata: f\r\n\n",
                  "|a;|b;|c;|d;|e;|f;");
}

static void a_cr_at_the_end_of_a_feed_hands_its_event_out_at_once(void)
{
    EXPECT_RC(feed("data: a\r\n\r", 10), RC_AGAIN);
    EXPECT_TEXT(buffer_slice(&seen), "|a;");
    EXPECT_RC(feed("\ndata: b\r\n\r\n", 12), RC_AGAIN);
    EXPECT_TEXT(buffer_slice(&seen), "|a;|b;");
    CU_ASSERT(!sse_has_rest(&sse));
}

static void str_08_a_space_after_the_colon_is_optional_and_only_one_is_cut(void)
{
    EXPECT_EVENTS("event:x\ndata:a\n\nevent:  y\ndata:  b\n\n", "x|a; y| b;");
}

static void str_08_data_lines_are_joined_with_lf(void)
{
    EXPECT_EVENTS("data: one\ndata: two\r\ndata\rdata: three\n\n", "|one\ntwo\n\nthree;");
}

static void str_08_unicode_line_separators_and_cut_characters_pass_unharmed(void)
{
    EXPECT_EVENTS("data: \xF0\x9F\x8D\xB5 \xC2\x85 \xE2\x80\xA8 \xE2\x9F\xA6\n\n",
                  "|\xF0\x9F\x8D\xB5 \xC2\x85 \xE2\x80\xA8 \xE2\x9F\xA6;");
}

static void a_byte_order_mark_counts_only_at_the_very_beginning(void)
{
    EXPECT_EVENTS("\xEF\xBB\xBF"
                  "data: a\n\n\xEF\xBB\xBF"
                  "data: b\n\ndata: \xEF\xBB\xBF"
                  "c\n\n",
                  "|a;|\xEF\xBB\xBF"
                  "c;");
}

static void a_stream_that_is_nothing_but_a_byte_order_mark_and_empty_lines_is_empty(void)
{
    EXPECT_EVENTS("\xEF\xBB\xBF\n\n\r\n\r", "");
}

static void str_05_comments_are_counted_and_not_handed_out(void)
{
    EXPECT_EVENTS(": keepalive\n\n:\r\n: OPENROUTER PROCESSING\n\ndata: a\n:x\n\n", "|a;");
    EXPECT_U64(sse.comments, 4);
}

static void ids_retry_times_and_unknown_fields_are_ignored(void)
{
    EXPECT_EVENTS("id: 7\nretry: 1000\nnonsense: 1\nid\ndata: a\ndatax: b\n data: c\n\n", "|a;");
}

static void an_event_without_data_is_none_and_its_name_is_forgotten(void)
{
    EXPECT_EVENTS("event: lost\n\ndata: a\n\n", "|a;");
}

static void an_empty_data_line_makes_an_event_with_empty_data(void)
{
    EXPECT_EVENTS("data\n\ndata:\n\ndata: \n\n", "|;|;|;");
}

static void the_last_name_of_an_event_counts(void)
{
    EXPECT_EVENTS("event: a\nevent: b\ndata: 1\n\nevent: c\nevent\ndata: 2\n\n", "b|1;|2;");
}

static void a_long_name_is_cut(void)
{
    EXPECT_EVENTS("event: 0123456789012345678901234567890123456789012345678901234567890123456789\n"
                  "data: a\n\n",
                  "0123456789012345678901234567890123456789012345678901234567890123|a;");
}

static void an_unfinished_event_is_dropped_and_noticed(void)
{
    static const char *const rests[] = {"d", "data: a", "data: a\n", "event: a\n",
                                        "data: a\r\ndata: "};

    EXPECT_EVENTS("data: a\n\ndata: b\n", "|a;");
    for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
        start_over();
        CU_ASSERT(!sse_has_rest(&sse));
        EXPECT_RC(feed(rests[i], strlen(rests[i])), RC_AGAIN);
        EXPECT_U64(seen.size, 0);
        CU_ASSERT(sse_has_rest(&sse));
    }
}

static void nothing_rests_after_a_whole_event(void)
{
    EXPECT_RC(feed("event: a\ndata: b\n\n", 18), RC_AGAIN);
    CU_ASSERT(!sse_has_rest(&sse));
}

static void str_08_a_whole_event_is_handed_out_where_it_was_fed(void)
{
    static const char stream[] = "event: a\ndata: {\"x\":1}\n\ndata: next";
    struct sse_event event;

    sse_feed(&sse, SLICE("event: a\ndata: {\"x\":1}\n\n"));
    EXPECT_RC(sse_next(&sse, &event), RC_OK);
    EXPECT_RC(sse_next(&sse, &event), RC_AGAIN);
    sse_feed(&sse, (struct slice){stream, sizeof(stream) - 1});
    EXPECT_RC(sse_next(&sse, &event), RC_OK);
    EXPECT_TEXT(event.data, "{\"x\":1}");
    CU_ASSERT_PTR_EQUAL(event.data.data, stream + 15);
}

/* One line "data: xxx...", then the empty line. */
static enum rc feed_data_of(size_t size, size_t cut)
{
    static char stream[EVENT_BYTES_MAX + 64];
    size_t whole = 6 + size + 2;
    enum rc rc;

    memset(stream, 'x', sizeof(stream));
    memcpy(stream, "data: ", 6);
    memcpy(stream + 6 + size, "\n\n", 2);
    rc = feed(stream, cut < whole ? cut : whole);
    return rc == RC_AGAIN && cut < whole ? feed(stream + cut, whole - cut) : rc;
}

static void an_event_of_just_the_ceiling_passes_however_it_is_cut(void)
{
    for (size_t cut = 0; cut <= EVENT_BYTES_MAX + 8; cut += 7) {
        start_over();
        EXPECT_RC(feed_data_of(EVENT_BYTES_MAX, cut), RC_AGAIN);
        EXPECT_U64(seen.size, EVENT_BYTES_MAX + 2);
    }
}

static void an_event_over_the_ceiling_is_refused_however_it_is_cut_and_stays_refused(void)
{
    struct sse_event event;

    for (size_t cut = 0; cut <= EVENT_BYTES_MAX + 9; cut += 7) {
        start_over();
        EXPECT_RC(feed_data_of(EVENT_BYTES_MAX + 1, cut), RC_LIMIT);
        EXPECT_U64(seen.size, 0);
    }
    sse_feed(&sse, SLICE("data: a\n\n"));
    EXPECT_RC(sse_next(&sse, &event), RC_LIMIT);
}

static void many_small_data_lines_reach_the_ceiling_too(void)
{
    enum rc rc = RC_AGAIN;

    for (int i = 0; i < EVENT_BYTES_MAX && rc == RC_AGAIN; i++)
        rc = feed("data: x\n", 8);
    EXPECT_RC(rc, RC_LIMIT);
}

static void a_line_without_an_end_is_refused(void)
{
    enum rc rc = RC_AGAIN;

    for (int i = 0; i < EVENT_BYTES_MAX && rc == RC_AGAIN; i++)
        rc = feed(": never ends", 12);
    EXPECT_RC(rc, RC_LIMIT);
}

static void a_comment_over_the_ceiling_is_refused_though_it_came_whole(void)
{
    char stream[EVENT_BYTES_MAX + 128];

    memset(stream, ':', sizeof(stream));
    stream[sizeof(stream) - 1] = '\n';
    EXPECT_RC(feed(stream, sizeof(stream)), RC_LIMIT);
}

static void a_cleared_reader_reads_another_stream_after_a_failure(void)
{
    EXPECT_RC(feed_data_of(EVENT_BYTES_MAX + 1, 9), RC_LIMIT);
    start_over();
    EXPECT_RC(feed("\xEF\xBB\xBF"
                   "data: a\n\n",
                   12),
              RC_AGAIN);
    EXPECT_TEXT(buffer_slice(&seen), "|a;");
}

static void a_warm_reader_allocates_nothing_more(void)
{
    struct flaky flaky = {.allow = UINT64_MAX};
    struct memory memory = flaky_memory(&flaky);

    sse_deinit(&sse);
    sse_init(&sse, &memory, EVENT_BYTES_MAX);
    EXPECT_RC(feed_data_of(1000, 500), RC_AGAIN);
    sse_clear(&sse);
    flaky.allow = 0;
    EXPECT_RC(feed_data_of(1000, 300), RC_AGAIN);
    CU_ASSERT(!flaky.failed);
    sse_deinit(&sse); /* the reader must not outlive the memory it was lent */
}

static void walks_every_failing_allocation(void)
{
    static const char stream[] = "event: a\ndata: one\ndata: two\n\ndata: three\n\n";
    struct flaky flaky;
    uint64_t allow = 0;

    sse_deinit(&sse);
    do {
        struct memory memory;
        enum rc rc = RC_AGAIN;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        buffer_clear(&seen);
        sse_init(&sse, &memory, EVENT_BYTES_MAX);
        for (size_t i = 0; i < sizeof(stream) - 1 && rc == RC_AGAIN; i++)
            rc = feed(stream + i, 1);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_AGAIN);
        sse_deinit(&sse);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    EXPECT_TEXT(buffer_slice(&seen), "a|one\ntwo;|three;");
    CU_ASSERT(allow > 2);
}

static void a_zeroed_reader_is_empty_and_closable(void)
{
    struct sse zeroed = {0};
    struct sse_event event;

    EXPECT_RC(sse_next(&zeroed, &event), RC_AGAIN);
    CU_ASSERT(!sse_has_rest(&zeroed));
    sse_deinit(&zeroed);
}

static void writes_what_it_reads(void)
{
    struct buffer out;

    buffer_init(&out, memory_heap(), 1024);
    sse_write(&out, SLICE("message_stop"), SLICE("{}"));
    sse_write(&out, (struct slice){0}, SLICE("[DONE]"));
    sse_write(&out, SLICE("lines"), SLICE("one\ntwo\n"));
    sse_write(&out, (struct slice){0}, (struct slice){0});
    EXPECT_TEXT(buffer_slice(&out), "event: message_stop\ndata: {}\n\ndata: [DONE]\n\n"
                                    "event: lines\ndata: one\ndata: two\ndata: \n\ndata: \n\n");
    EXPECT_RC(feed(out.data, out.size), RC_AGAIN);
    EXPECT_TEXT(buffer_slice(&seen), "message_stop|{};|[DONE];lines|one\ntwo\n;|;");
    buffer_deinit(&out);
}

static CU_TestInfo tests[] = {
    {"reads named events as Anthropic sends them", reads_named_events_as_anthropic_sends_them},
    {"reads nameless events as OpenAI sends them", reads_nameless_events_as_openai_sends_them},
    {"STR-08: lines end with LF, CR or CRLF in any mixture",
     str_08_lines_end_with_lf_cr_or_crlf_in_any_mixture},
    {"a CR at the end of a feed hands its event out at once",
     a_cr_at_the_end_of_a_feed_hands_its_event_out_at_once},
    {"STR-08: a space after the colon is optional, and only one is cut",
     str_08_a_space_after_the_colon_is_optional_and_only_one_is_cut},
    {"STR-08: data lines are joined with LF", str_08_data_lines_are_joined_with_lf},
    {"STR-08: Unicode line separators and cut characters pass unharmed",
     str_08_unicode_line_separators_and_cut_characters_pass_unharmed},
    {"a byte order mark counts only at the very beginning",
     a_byte_order_mark_counts_only_at_the_very_beginning},
    {"a stream of nothing but a byte order mark and empty lines is empty",
     a_stream_that_is_nothing_but_a_byte_order_mark_and_empty_lines_is_empty},
    {"STR-05: comments are counted and not handed out",
     str_05_comments_are_counted_and_not_handed_out},
    {"ids, retry times and unknown fields are ignored",
     ids_retry_times_and_unknown_fields_are_ignored},
    {"an event without data is none and its name is forgotten",
     an_event_without_data_is_none_and_its_name_is_forgotten},
    {"an empty data line makes an event with empty data",
     an_empty_data_line_makes_an_event_with_empty_data},
    {"the last name of an event counts", the_last_name_of_an_event_counts},
    {"a long name is cut", a_long_name_is_cut},
    {"an unfinished event is dropped and noticed", an_unfinished_event_is_dropped_and_noticed},
    {"nothing rests after a whole event", nothing_rests_after_a_whole_event},
    {"STR-08: a whole event is handed out where it was fed",
     str_08_a_whole_event_is_handed_out_where_it_was_fed},
    {"an event of just the ceiling passes however it is cut",
     an_event_of_just_the_ceiling_passes_however_it_is_cut},
    {"an event over the ceiling is refused however it is cut, and stays refused",
     an_event_over_the_ceiling_is_refused_however_it_is_cut_and_stays_refused},
    {"many small data lines reach the ceiling too", many_small_data_lines_reach_the_ceiling_too},
    {"a line without an end is refused", a_line_without_an_end_is_refused},
    {"a comment over the ceiling is refused though it came whole",
     a_comment_over_the_ceiling_is_refused_though_it_came_whole},
    {"a cleared reader reads another stream after a failure",
     a_cleared_reader_reads_another_stream_after_a_failure},
    {"a warm reader allocates nothing more", a_warm_reader_allocates_nothing_more},
    {"walks every failing allocation", walks_every_failing_allocation},
    {"a zeroed reader is empty and closable", a_zeroed_reader_is_empty_and_closable},
    {"writes what it reads", writes_what_it_reads},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo sse_suite = {"sse", set_up_suite, tear_down_suite, set_up, tear_down, tests};
