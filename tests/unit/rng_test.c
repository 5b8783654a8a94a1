#include "base/rng.h"

#include <CUnit/CUnit.h>

#include "base/attributes.h"
#include "tests/support/expect.h"

/* The vectors that the authors publish with their library (Random123, kat_vectors). */
static void philox_gives_its_published_answers(void)
{
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t out[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        uint32_t out[4];

        rng_philox4x32_10(vectors[i].counter, vectors[i].key, out);
        for (int word = 0; word < 4; word++)
            EXPECT_U64(out[word], vectors[i].out[word]);
    }
}

/* Computed apart from this code. They must never change: seeds in old results name them. */
static void draws_are_the_same_for_ever(void)
{
    uint64_t stream = rng_stream(SLICE("overload"));

    EXPECT_U64(stream, 0xaf8f88c2d8f2f916);
    EXPECT_U64(rng_draw(529, stream, 17, 2), 0x4932673c14957e60);
    CU_ASSERT(rng_unit(529, stream, 17, 2) == (double)(0x4932673c14957e60 >> 11) * 0x1p-53);
}

static void every_part_of_a_draws_name_counts(void)
{
    uint64_t draw = rng_draw(1, 2, 3, 4);

    CU_ASSERT(draw != rng_draw(2, 2, 3, 4));
    CU_ASSERT(draw != rng_draw(1 + ((uint64_t)1 << 32), 2, 3, 4));
    CU_ASSERT(draw != rng_draw(1, 3, 3, 4));
    CU_ASSERT(draw != rng_draw(1, 2 + ((uint64_t)1 << 32), 3, 4));
    CU_ASSERT(draw != rng_draw(1, 2, 4, 4));
    CU_ASSERT(draw != rng_draw(1, 2, 3 + ((uint64_t)1 << 32), 4));
    CU_ASSERT(draw != rng_draw(1, 2, 3, 5));
}

static void units_fill_zero_to_one_evenly(void)
{
    uint64_t stream = rng_stream(SLICE("even"));
    uint64_t tenths[10] = {0};

    for (uint64_t k = 0; k < 10000; k++) {
        double unit = rng_unit(7, stream, k, 0);

        CU_ASSERT(unit >= 0.0);
        CU_ASSERT_FATAL(unit < 1.0);
        tenths[(int)(unit * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        CU_ASSERT(tenths[i] > 850 && tenths[i] < 1150); /* five standard deviations */
}

static CU_TestInfo tests[] = {
    {"philox gives its published answers", philox_gives_its_published_answers},
    {"draws are the same for ever", draws_are_the_same_for_ever},
    {"every part of a draws name counts", every_part_of_a_draws_name_counts},
    {"units fill zero to one evenly", units_fill_zero_to_one_evenly},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo rng_suite = {"rng", NULL, NULL, NULL, NULL, tests};
