#include "engine/prompt_cache.h"

#include <stddef.h>

/* A prefix lives so long after its latest use (wire-facts.md §2.3: five minutes unless paid for).
 */
static const nanos KEPT = 300 * NANOS_S;

/* A free place, else the one unused longest. Linear: 256 at most, and only for prompts that are
 * long enough for a cache. */
static struct prompt_cache_entry *room(struct prompt_cache *cache)
{
    struct prompt_cache_entry *oldest = &cache->entries[0];

    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++) {
        struct prompt_cache_entry *entry = &cache->entries[i];

        if (!entry->is_used)
            return entry;
        if (entry->used_at < oldest->used_at)
            oldest = entry;
    }
    return oldest;
}

static struct prompt_cache_entry *find(struct prompt_cache *cache, uint32_t model, uint64_t hash)
{
    for (uint32_t i = 0; i < PROMPT_CACHE_ENTRIES; i++) {
        struct prompt_cache_entry *entry = &cache->entries[i];

        if (entry->is_used && entry->hash == hash && entry->model == model)
            return entry;
    }
    return NULL;
}

bool prompt_cache_hits(struct prompt_cache *cache, uint32_t model, uint64_t hash, nanos now)
{
    struct prompt_cache_entry *entry = find(cache, model, hash);
    bool is_there = entry != NULL && now < nanos_add(entry->used_at, KEPT);

    if (entry == NULL)
        entry = room(cache);
    *entry =
        (struct prompt_cache_entry){.hash = hash, .model = model, .is_used = true, .used_at = now};
    return is_there;
}
