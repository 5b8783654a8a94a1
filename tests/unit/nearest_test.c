#include "base/nearest.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static struct slice best_of(const char *typed)
{
    static const char *const known[] = {"run", "sim", "check", "measures"};
    struct nearest nearest;

    nearest_init(&nearest, slice_of(typed));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        nearest_offer(&nearest, slice_of(known[i]));
    return nearest.best;
}

static void forgives_two_slips(void)
{
    EXPECT_TEXT(best_of("chekc"), "check");
    EXPECT_TEXT(best_of("rn"), "run");
    EXPECT_TEXT(best_of("mesure"), "measures");
}

static void offers_nothing_when_half_the_word_would_change(void)
{
    EXPECT_U64(best_of("x").size, 0);
    EXPECT_U64(best_of("frobnicate").size, 0);
}

static void says_it_as_the_end_of_a_sentence(void)
{
    struct nearest nearest;
    char text[NEAREST_TEXT_SIZE];

    nearest_init(&nearest, SLICE("sed"));
    EXPECT_TEXT(slice_of(nearest_say(&nearest, text)), "");
    nearest_offer(&nearest, SLICE("seed"));
    EXPECT_TEXT(slice_of(nearest_say(&nearest, text)), "; did you mean \"seed\"?");
}

static CU_TestInfo tests[] = {
    {"forgives two slips", forgives_two_slips},
    {"offers nothing when half the word would change",
     offers_nothing_when_half_the_word_would_change},
    {"says it as the end of a sentence", says_it_as_the_end_of_a_sentence},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo nearest_suite = {"nearest", NULL, NULL, NULL, NULL, tests};
