#ifndef ENGINE_PROMPT_CACHE_H
#define ENGINE_PROMPT_CACHE_H

/* What a provider's prompt cache holds: prefixes by model, by their hash. A long prefix is written
 * the first time and read the next times, until five minutes have passed since the last
 * (wire-facts.md §2.3, §9). Bounded: PROMPT_CACHE_ENTRIES, the oldest goes. A zeroed one is empty.
 * Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

enum { PROMPT_CACHE_ENTRIES = 256 };

struct prompt_cache {
    struct prompt_cache_entry {
        uint64_t hash;
        uint32_t model;
        bool is_used;
        nanos used_at;
    } entries[PROMPT_CACHE_ENTRIES];
};

/* Is this prefix there? If not it is from now on. */
bool prompt_cache_hits(struct prompt_cache *cache, uint32_t model, uint64_t hash, nanos now);

#endif
