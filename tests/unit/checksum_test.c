#include "base/checksum.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

enum { SIZE = 200 };

static char bytes[SIZE];

static void set_up(void)
{
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 37);
}

static uint64_t sum_of(size_t size)
{
    return checksum(1, (struct slice){bytes, size});
}

/* It stands in files: a new version must still read them. */
static void is_the_same_for_ever(void)
{
    char text[CHECKSUM_TEXT_SIZE];

    checksum_write(checksum(0, SLICE("")), text);
    CU_ASSERT_STRING_EQUAL(text, "3ad9f8f58ae53c8a");
    checksum_write(checksum(0, SLICE("it finds accidents, careless edits, no adversary")), text);
    CU_ASSERT_STRING_EQUAL(text, "c2fe5a63c7599241");
}

static void notices_a_change_of_any_single_bit(void)
{
    for (size_t size = 1; size <= SIZE; size++) {
        uint64_t before = sum_of(size);

        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (char)(1 << bit % 8);
            CU_ASSERT(sum_of(size) != before);
            bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
}

static void notices_two_words_that_changed_places(void)
{
    for (size_t a = 0; a + 8 <= SIZE; a += 8) {
        for (size_t b = a + 8; b + 8 <= SIZE; b += 8) {
            uint64_t before = sum_of(SIZE);
            char word[8];

            memcpy(word, bytes + a, 8);
            memcpy(bytes + a, bytes + b, 8);
            memcpy(bytes + b, word, 8);
            CU_ASSERT(sum_of(SIZE) != before);
            set_up();
        }
    }
}

static void notices_zero_bytes_at_the_end(void)
{
    memset(bytes, 0, sizeof(bytes));
    for (size_t size = 1; size <= SIZE; size++)
        CU_ASSERT(sum_of(size) != sum_of(size - 1));
}

static void depends_on_its_seed(void)
{
    for (size_t size = 0; size <= SIZE; size++)
        CU_ASSERT(checksum(1, (struct slice){bytes, size}) !=
                  checksum(2, (struct slice){bytes, size}));
}

static CU_TestInfo tests[] = {
    {"is the same for ever", is_the_same_for_ever},
    {"notices a change of any single bit", notices_a_change_of_any_single_bit},
    {"notices two words that changed places", notices_two_words_that_changed_places},
    {"notices zero bytes at the end", notices_zero_bytes_at_the_end},
    {"depends on its seed", depends_on_its_seed},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo checksum_suite = {"checksum", NULL, NULL, set_up, NULL, tests};
