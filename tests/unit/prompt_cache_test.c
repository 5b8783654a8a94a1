#include "engine/prompt_cache.h"

#include <CUnit/CUnit.h>

static struct prompt_cache cache;

static void set_up(void)
{
    cache = (struct prompt_cache){0};
}

static void reads_what_was_written_before(void)
{
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 7, 0));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 7, NANOS_S));
}

static void keeps_models_apart(void)
{
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 7, 0));
    CU_ASSERT(!prompt_cache_hits(&cache, 1, 7, 0));
}

static void forgets_what_was_not_used_for_five_minutes(void)
{
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 7, 0));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 7, 299 * NANOS_S));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 7, 598 * NANOS_S));
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 7, 898 * NANOS_S));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 7, 899 * NANOS_S));
}

static void gives_the_place_of_the_one_unused_longest(void)
{
    for (uint64_t hash = 0; hash < PROMPT_CACHE_ENTRIES; hash++)
        CU_ASSERT(!prompt_cache_hits(&cache, 0, hash, (nanos)hash));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 0, NANOS_S));
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 1000, NANOS_S)); /* in place of 1 */
    CU_ASSERT(prompt_cache_hits(&cache, 0, 0, NANOS_S));
    CU_ASSERT(prompt_cache_hits(&cache, 0, 2, NANOS_S));
    CU_ASSERT(!prompt_cache_hits(&cache, 0, 1, NANOS_S));
}

static CU_TestInfo tests[] = {
    {"reads what was written before", reads_what_was_written_before},
    {"keeps models apart", keeps_models_apart},
    {"forgets what was not used for five minutes", forgets_what_was_not_used_for_five_minutes},
    {"gives the place of the one unused longest", gives_the_place_of_the_one_unused_longest},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo prompt_cache_suite = {"prompt_cache", NULL, NULL, set_up, NULL, tests};
