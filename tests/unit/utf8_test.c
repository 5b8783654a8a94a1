#include "base/utf8.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static void one_to_four_bytes_are_a_character(void)
{
    EXPECT_U64(utf8_size(SLICE("a")), 1);
    EXPECT_U64(utf8_size(SLICE("\xC3\xBC and more")), 2);
    EXPECT_U64(utf8_size(SLICE("\xE2\x82\xAC")), 3);
    EXPECT_U64(utf8_size(SLICE("\xF0\x9F\x98\x80")), 4);
    EXPECT_U64(utf8_size((struct slice){"\0", 1}), 1);
}

static void the_edges_of_each_length_are_known(void)
{
    EXPECT_U64(utf8_size(SLICE("\x7F")), 1);
    EXPECT_U64(utf8_size(SLICE("\xC2\x80")), 2);
    EXPECT_U64(utf8_size(SLICE("\xDF\xBF")), 2);
    EXPECT_U64(utf8_size(SLICE("\xE0\xA0\x80")), 3);
    EXPECT_U64(utf8_size(SLICE("\xED\x9F\xBF")), 3);
    EXPECT_U64(utf8_size(SLICE("\xEF\xBF\xBF")), 3);
    EXPECT_U64(utf8_size(SLICE("\xF0\x90\x80\x80")), 4);
    EXPECT_U64(utf8_size(SLICE("\xF4\x8F\xBF\xBF")), 4);
}

static void what_is_none_has_no_size(void)
{
    EXPECT_U64(utf8_size(SLICE("")), 0);
    EXPECT_U64(utf8_size(SLICE("\x80")), 0);             /* begins in the middle */
    EXPECT_U64(utf8_size(SLICE("\xC1\xBF")), 0);         /* overlong */
    EXPECT_U64(utf8_size(SLICE("\xE0\x9F\xBF")), 0);     /* overlong */
    EXPECT_U64(utf8_size(SLICE("\xF0\x8F\xBF\xBF")), 0); /* overlong */
    EXPECT_U64(utf8_size(SLICE("\xED\xA0\x80")), 0);     /* a surrogate */
    EXPECT_U64(utf8_size(SLICE("\xF4\x90\x80\x80")), 0); /* above U+10FFFF */
    EXPECT_U64(utf8_size(SLICE("\xF5\x80\x80\x80")), 0);
    EXPECT_U64(utf8_size(SLICE("\xC3")), 0); /* cut off */
    EXPECT_U64(utf8_size(SLICE("\xE2\x82")), 0);
    EXPECT_U64(utf8_size(SLICE("\xE2\x82x")), 0);
}

static CU_TestInfo tests[] = {
    {"one to four bytes are a character", one_to_four_bytes_are_a_character},
    {"the edges of each length are known", the_edges_of_each_length_are_known},
    {"what is none has no size", what_is_none_has_no_size},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo utf8_suite = {"utf8", NULL, NULL, NULL, NULL, tests};
