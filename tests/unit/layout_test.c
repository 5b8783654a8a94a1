#include "report/layout.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"

static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 4096);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static void pads_but_never_cuts(void)
{
    layout_left(&out, "ab", 4);
    layout_right(&out, "cd", 4);
    layout_left(&out, "efghi", 4);
    EXPECT_TEXT(buffer_slice(&out), "ab    cdefghi");
}

static void breaks_at_the_last_word_that_fits(void)
{
    char words[LAYOUT_LINE + 8];

    memset(words, 'a', sizeof(words));
    words[LAYOUT_LINE - 4] = ' ';
    words[LAYOUT_LINE] = '\0'; /* "aaa... aaa" ends in the last column */
    layout_wrapped(&out, words, 0, 2);
    EXPECT_U64(out.size, LAYOUT_LINE + 1);
    buffer_clear(&out);
    layout_wrapped(&out, words, 1, 2); /* one too many */
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("a\n  aaa\n")));
}

static void a_number_keeps_its_unit(void)
{
    char words[LAYOUT_LINE + 8];

    memset(words, 'a', sizeof(words));
    strcpy(words + LAYOUT_LINE - 8, " due 5 s");
    layout_wrapped(&out, words, 1, 2);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("a due\n  5 s\n")));
}

static void a_short_remark_stays_in_one_piece(void)
{
    char words[LAYOUT_LINE + 16];

    memset(words, 'a', sizeof(words));
    strcpy(words + LAYOUT_LINE - 8, " (due 5.250 s)");
    layout_wrapped(&out, words, 0, 2);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("a\n  (due 5.250 s)\n")));
}

static void a_word_longer_than_a_line_stands_alone(void)
{
    char words[3 * LAYOUT_LINE];

    memset(words, 'a', sizeof(words));
    words[2] = ' ';
    words[sizeof(words) - 1] = '\0';
    layout_wrapped(&out, words, 0, 2);
    CU_ASSERT(slice_starts_with(buffer_slice(&out), SLICE("aa\n  aaa")));
}

static void arguments_are_quoted_where_a_shell_would_read_them(void)
{
    layout_argument(&out, "results/demo-1");
    buffer_byte(&out, ' ');
    layout_argument(&out, "trace:91");
    buffer_byte(&out, ' ');
    layout_argument(&out, "my part:3");
    buffer_byte(&out, ' ');
    layout_argument(&out, "it's;$x");
    buffer_byte(&out, ' ');
    layout_argument(&out, "");
    EXPECT_TEXT(buffer_slice(&out), "results/demo-1 trace:91 'my part:3' 'it'\\''s;$x' ''");
}

static CU_TestInfo tests[] = {
    {"pads but never cuts", pads_but_never_cuts},
    {"breaks at the last word that fits", breaks_at_the_last_word_that_fits},
    {"a number keeps its unit", a_number_keeps_its_unit},
    {"a short remark stays in one piece", a_short_remark_stays_in_one_piece},
    {"a word longer than a line stands alone", a_word_longer_than_a_line_stands_alone},
    {"arguments are quoted where a shell would read them",
     arguments_are_quoted_where_a_shell_would_read_them},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo layout_suite = {"layout", NULL, NULL, set_up, tear_down, tests};
