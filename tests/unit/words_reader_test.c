/* Every text here is read whole, cut in two at every byte, and byte by byte, and must tell the same
 * each time. */

#include "wire/words_reader.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "wire/words.h"

static struct words_reader reader;

/* What a text should tell. */
struct told {
    uint64_t request;
    uint32_t words, repeated, missing, marks;
};

static void expect(const struct told *told)
{
    words_reader_end(&reader);
    EXPECT_U64(reader.request, told->request);
    EXPECT_U64(reader.words, told->words);
    EXPECT_U64(reader.repeated, told->repeated);
    EXPECT_U64(reader.missing, told->missing);
    EXPECT_U64(reader.marks, told->marks);
}

static void begin(void)
{
    reader = (struct words_reader){0};
}

static void check(struct slice text, struct told told)
{
    begin();
    words_reader_feed(&reader, text);
    expect(&told);
    for (size_t cut = 0; cut <= text.size; cut++) {
        begin();
        words_reader_feed(&reader, (struct slice){text.data, cut});
        words_reader_feed(&reader, (struct slice){text.data + cut, text.size - cut});
        expect(&told);
    }
    begin();
    for (size_t i = 0; i < text.size; i++)
        words_reader_feed(&reader, (struct slice){text.data + i, 1});
    expect(&told);
}

static void an_answer_of_the_mock_is_whole(void)
{
    struct buffer text;

    buffer_init(&text, memory_heap(), 1 << 12);
    words_write(&text, 17, 0, 40);
    check(buffer_slice(&text), (struct told){.request = 17, .words = 40, .marks = 1});
    buffer_clear(&text);
    words_write_foreign(&text, 17, 0, 40);
    check(buffer_slice(&text), (struct told){.request = 17, .words = 40, .marks = 1});
    buffer_deinit(&text);
}

static void its_thinking_counts_for_nothing(void)
{
    check(SLICE("t0 t1 t2 ⟦r3⟧ w1"), (struct told){.request = 3, .words = 2, .marks = 1});
}

static void what_was_said_before_is_repeated(void)
{
    check(SLICE("⟦r17⟧ w1 w2 w1 w2 w3"),
          (struct told){.request = 17, .words = 4, .repeated = 2, .marks = 1});
    check(SLICE("⟦r17⟧ w1 w1"),
          (struct told){.request = 17, .words = 2, .repeated = 1, .marks = 1});
}

static void what_was_left_out_is_missing(void)
{
    check(SLICE("⟦r17⟧ w1 w3"), (struct told){.request = 17, .words = 3, .missing = 1, .marks = 1});
    check(SLICE("⟦r17⟧ w3 w9"), (struct told){.request = 17, .words = 3, .missing = 7, .marks = 1});
}

static void two_answers_are_told_apart(void)
{
    check(SLICE("⟦r17⟧ w1 w2 ⟦r18⟧ w1"), (struct told){.request = 18, .words = 2, .marks = 2});
    check(SLICE("⟦r17⟧ w1 ⟦r17⟧ w1 w2"), (struct told){.request = 17, .words = 3, .marks = 2});
}

static void other_text_is_the_services_own(void)
{
    check(SLICE("<p>Sure! \"⟦r5⟧ w1, w2.\n\n**w3**</p> (answered with love, w4u, wait, 4)"),
          (struct told){.request = 5, .words = 4, .marks = 1});
    check(SLICE("⟦k0-40⟧ ⟦r⟧ ⟦r0⟧ ⟦r5 w ww1 w-1 w0"), (struct told){0});
    check(SLICE(""), (struct told){0});
    check(SLICE("hello"), (struct told){0});
}

static void words_without_a_mark_are_words(void)
{
    check(SLICE("w1 w2"), (struct told){.words = 2});
    check(SLICE("w2 w3"), (struct told){.words = 2, .missing = 1});
}

static void a_long_word_is_none(void)
{
    check(SLICE("w11111111111111111111111111111111111111111111111111111111 w1"),
          (struct told){.words = 1});
    check(SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaw1 ⟦r2⟧"),
          (struct told){.request = 2, .words = 1, .marks = 1});
    check(SLICE("w99999999999999999999 w1"), (struct told){.words = 1});
}

static void counts_stay_at_their_ends(void)
{
    check(SLICE("w18446744073709551615"), (struct told){.words = 1, .missing = UINT32_MAX});
    check(SLICE("⟦r1⟧ w6000000000 w9000000000"),
          (struct told){.request = 1, .words = 3, .missing = UINT32_MAX, .marks = 1});
}

static CU_TestInfo tests[] = {
    {"an answer of the mock is whole", an_answer_of_the_mock_is_whole},
    {"its thinking counts for nothing", its_thinking_counts_for_nothing},
    {"what was said before is repeated", what_was_said_before_is_repeated},
    {"what was left out is missing", what_was_left_out_is_missing},
    {"two answers are told apart", two_answers_are_told_apart},
    {"other text is the service's own", other_text_is_the_services_own},
    {"words without a mark are words", words_without_a_mark_are_words},
    {"a long word is none", a_long_word_is_none},
    {"counts stay at their ends", counts_stay_at_their_ends},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo words_reader_suite = {"words_reader", NULL, NULL, NULL, NULL, tests};
