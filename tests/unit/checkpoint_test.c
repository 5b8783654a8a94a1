#include "judge/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

/* Three stretches of three, one and two lines. */
enum { STRETCHES = 3, LINES = 6 };

static const uint64_t lines_in[STRETCHES] = {3, 1, 2};

static struct buffer file;
static struct checkpointed reader;

static void write_file(void)
{
    struct checkpoint checkpoint = {0};
    struct buffer stretch;
    uint64_t number = 0;

    buffer_init(&stretch, memory_heap(), 1 << 16);
    buffer_clear(&file);
    for (int i = 0; i < STRETCHES; i++) {
        buffer_clear(&stretch);
        for (uint64_t line = 0; line < lines_in[i]; line++)
            buffer_printf(&stretch, "{\"line\":%llu}\n", (unsigned long long)number++);
        checkpoint_write(&checkpoint, lines_in[i], i == STRETCHES - 1, &stretch);
        buffer_append(&file, buffer_slice(&stretch));
    }
    EXPECT_U64(checkpoint.lines, LINES);
    EXPECT_U64(checkpoint.bytes, file.size);
    buffer_deinit(&stretch);
}

static void set_up(void)
{
    buffer_init(&file, memory_heap(), 1 << 20);
    write_file();
}

static void tear_down(void)
{
    checkpointed_deinit(&reader);
    buffer_deinit(&file);
}

/* What has been read, and whether it was what was written. */
struct got {
    uint64_t lines;
    bool is_true; /* each line is the one that stood there */
};

static void take(struct got *got)
{
    struct slice line;
    uint64_t number;

    while (checkpointed_next(&reader, &line, &number)) {
        char expected[32];

        snprintf(expected, sizeof(expected), "{\"line\":%llu}", (unsigned long long)got->lines);
        got->is_true = got->is_true && slice_is(line, slice_of(expected));
        got->lines++;
    }
}

static struct got read_pieces(struct slice text, size_t piece)
{
    struct got got = {.is_true = true};

    checkpointed_deinit(&reader);
    checkpointed_init(&reader, memory_heap());
    while (text.size > 0) {
        size_t size = piece < text.size ? piece : text.size;

        checkpointed_feed(&reader, (struct slice){text.data, size});
        text = (struct slice){text.data + size, text.size - size};
        take(&got);
    }
    checkpointed_end(&reader);
    take(&got);
    return got;
}

static struct got read_text(const char *text)
{
    return read_pieces(slice_of(text), strlen(text) + 1);
}

static void hands_out_every_line_of_a_whole_file(void)
{
    for (size_t piece = 1; piece <= file.size; piece++) {
        struct got got = read_pieces(buffer_slice(&file), piece);

        EXPECT_U64(got.lines, LINES);
        CU_ASSERT(got.is_true);
        CU_ASSERT(reader.has_end);
        CU_ASSERT_STRING_EQUAL(reader.damage, "");
    }
}

static void numbers_lines_as_an_editor_does(void)
{
    static const uint64_t numbers[LINES] = {1, 2, 3, 5, 7, 8};
    struct slice line;
    uint64_t number;

    checkpointed_init(&reader, memory_heap());
    checkpointed_feed(&reader, buffer_slice(&file));
    for (int i = 0; i < LINES; i++) {
        CU_ASSERT(checkpointed_next(&reader, &line, &number));
        EXPECT_U64(number, numbers[i]);
    }
}

static void hands_out_nothing_before_its_checkpoint(void)
{
    size_t before = 0;
    struct got got = {.is_true = true};

    checkpointed_init(&reader, memory_heap());
    while (!slice_has((struct slice){file.data, before}, SLICE("}}")))
        before++; /* the first checkpoint, but for its LF */
    checkpointed_feed(&reader, (struct slice){file.data, before});
    take(&got);
    EXPECT_U64(got.lines, 0);
    checkpointed_feed(&reader, SLICE("\n"));
    take(&got);
    EXPECT_U64(got.lines, 3);
}

static void a_file_cut_at_any_byte_is_read_up_to_its_last_whole_line(void)
{
    for (size_t size = 0; size < file.size; size++) {
        struct got got = read_pieces((struct slice){file.data, size}, 7);

        CU_ASSERT(got.is_true);
        CU_ASSERT_PTR_NOT_NULL(strstr(reader.damage, "ends without its last checkpoint"));
    }
    EXPECT_U64(read_pieces((struct slice){file.data, file.size - 1}, 7).lines, LINES);
}

static void a_changed_byte_is_noticed_wherever_it_is(void)
{
    for (size_t at = 0; at < file.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct got got;

            file.data[at] ^= (char)(1 << bit);
            got = read_pieces(buffer_slice(&file), file.size);
            CU_ASSERT(reader.damage[0] != '\0');
            CU_ASSERT(got.is_true || reader.is_over);
            file.data[at] ^= (char)(1 << bit);
        }
    }
}

/* The file with its lines in another order; each index may come never, once or twice. */
static void expect_damage(const uint32_t *order, size_t count)
{
    struct buffer changed;
    struct slice lines[LINES + STRETCHES];
    struct slice rest = buffer_slice(&file);
    struct got got;
    size_t all = 0;

    while (slice_cut(&rest, '\n', &lines[all]))
        all++;
    buffer_init(&changed, memory_heap(), 1 << 16);
    for (size_t i = 0; i < count; i++) {
        buffer_append(&changed, lines[order[i]]);
        buffer_byte(&changed, '\n');
    }
    got = read_pieces(buffer_slice(&changed), 50);
    CU_ASSERT(reader.damage[0] != '\0');
    CU_ASSERT(got.is_true);
    buffer_deinit(&changed);
}

static void a_line_that_went_came_twice_or_changed_places_is_noticed(void)
{
    enum { ALL = LINES + STRETCHES };

    for (uint32_t victim = 0; victim < ALL; victim++) {
        uint32_t order[ALL + 1];
        uint32_t count = 0;

        for (uint32_t i = 0; i < ALL; i++)
            if (i != victim)
                order[count++] = i;
        expect_damage(order, count);
        count = 0;
        for (uint32_t i = 0; i < ALL; i++) {
            order[count++] = i;
            if (i == victim)
                order[count++] = i;
        }
        expect_damage(order, count);
        if (victim + 1 == ALL)
            continue;
        for (uint32_t i = 0; i < ALL; i++)
            order[i] = i == victim ? victim + 1 : i == victim + 1 ? victim : i;
        expect_damage(order, ALL);
    }
}

static void says_which_line_and_what(void)
{
    char text[1024];
    char *place;

    slice_copy(buffer_slice(&file), text, sizeof(text));
    place = strstr(text, "{\"line\":1}");
    place[0] = '[';
    read_text(text);
    CU_ASSERT_STRING_EQUAL(reader.damage, "line 2: it cannot be read");

    slice_copy(buffer_slice(&file), text, sizeof(text));
    strstr(text, "{\"line\":3}")[8] = '4';
    EXPECT_U64(read_text(text).lines, 3);
    CU_ASSERT_STRING_EQUAL(reader.damage, "lines 5 to 6: not as they were written (checksum)");

    slice_copy(buffer_slice(&file), text, sizeof(text));
    place = strstr(text, "{\"line\":1}");
    memmove(place, place + 11, strlen(place + 11) + 1);
    read_text(text);
    CU_ASSERT_STRING_EQUAL(reader.damage,
                           "line 3: the checkpoint counts 3 lines before it, there are 2");

    slice_copy(buffer_slice(&file), text, sizeof(text));
    strcat(text, "{\"line\":6}\n");
    EXPECT_U64(read_text(text).lines, LINES);
    CU_ASSERT_STRING_EQUAL(reader.damage, "line 10: something stands behind the last checkpoint");

    read_text("");
    CU_ASSERT_STRING_EQUAL(reader.damage, "line 1: the file ends without its last checkpoint");
}

static void a_stretch_without_end_is_refused(void)
{
    static char much[1 << 16];

    memset(much, 'x', sizeof(much));
    checkpointed_init(&reader, memory_heap());
    for (size_t fed = 0; fed <= CHECKPOINT_STRETCH_MAX; fed += sizeof(much))
        checkpointed_feed(&reader, (struct slice){much, sizeof(much)});
    CU_ASSERT_STRING_EQUAL(reader.damage,
                           "line 1: no checkpoint follows: a configured limit was reached");
}

/* Found by fuzzing: nothing was ever fed, so there is not even a buffer to point into. */
static void an_empty_file_hands_out_nothing(void)
{
    struct got got = {.is_true = true};

    checkpointed_init(&reader, memory_heap());
    checkpointed_end(&reader);
    take(&got);
    EXPECT_U64(got.lines, 0);
    CU_ASSERT(!reader.has_end);
}

static void no_memory_is_damage_too(void)
{
    struct flaky flaky = {.allow = 0};
    struct memory memory = flaky_memory(&flaky);

    checkpointed_init(&reader, &memory);
    checkpointed_feed(&reader, buffer_slice(&file));
    CU_ASSERT_STRING_EQUAL(reader.damage, "line 1: no checkpoint follows: out of memory");
    checkpointed_deinit(&reader);
}

static void a_file_without_lines_has_a_checkpoint_all_the_same(void)
{
    struct checkpoint checkpoint = {0};

    buffer_clear(&file);
    checkpoint_write(&checkpoint, 0, true, &file);
    EXPECT_TEXT(buffer_slice(&file), "{\"checkpoint\": {\"lines\": 0, \"bytes\": 0, \"hash\": "
                                     "\"3ad9f8f58ae53c8a\", \"end\": true}}\n");
    EXPECT_U64(read_pieces(buffer_slice(&file), 10).lines, 0);
    CU_ASSERT_STRING_EQUAL(reader.damage, "");
    CU_ASSERT(reader.has_end);
}

static CU_TestInfo tests[] = {
    {"hands out every line of a whole file", hands_out_every_line_of_a_whole_file},
    {"numbers lines as an editor does", numbers_lines_as_an_editor_does},
    {"hands out nothing before its checkpoint", hands_out_nothing_before_its_checkpoint},
    {"a file cut at any byte is read up to its last whole line",
     a_file_cut_at_any_byte_is_read_up_to_its_last_whole_line},
    {"a changed byte is noticed wherever it is", a_changed_byte_is_noticed_wherever_it_is},
    {"a line that went, came twice or changed places is noticed",
     a_line_that_went_came_twice_or_changed_places_is_noticed},
    {"says which line, and what", says_which_line_and_what},
    {"a stretch without end is refused", a_stretch_without_end_is_refused},
    {"an empty file hands out nothing", an_empty_file_hands_out_nothing},
    {"no memory is damage too", no_memory_is_damage_too},
    {"a file without lines has a checkpoint all the same",
     a_file_without_lines_has_a_checkpoint_all_the_same},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo checkpoint_suite = {"checkpoint", NULL, NULL, set_up, tear_down, tests};
