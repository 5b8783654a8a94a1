#include "journal_store.h"

#include <string.h>

struct kept {
    struct journal_record record;
    bool is_forgotten;
};

struct journal_store {
    const struct memory *memory;
    uint64_t room;
    uint64_t first, last; /* places: what is kept lies in [first, last]; empty when last < first */
    uint64_t dropped, dropped_to; /* how many for want of room, and the last such place */
    struct kept *ring;            /* place p stands in ring[p % room] */
};

static struct kept *kept_at(const struct journal_store *s, uint64_t place)
{
    return &s->ring[place % s->room];
}

void journal_store_add(struct journal_store *s, const struct journal_record *record)
{
    struct kept *kept = kept_at(s, ++s->last);

    if (s->last - s->first == s->room) {
        s->dropped += !kept->is_forgotten;
        s->dropped_to = s->first++;
    }
    kept->record = *record;
    kept->is_forgotten = false;
}

bool journal_store_next(const struct journal_store *s, uint64_t *place,
                        const struct journal_record **record)
{
    uint64_t at = *place + 1 > s->first ? *place + 1 : s->first;

    while (at <= s->last && kept_at(s, at)->is_forgotten)
        at++;
    if (at > s->last)
        return false;
    *place = at;
    *record = &kept_at(s, at)->record;
    return true;
}

uint64_t journal_store_last(const struct journal_store *s)
{
    return s->last;
}

uint64_t journal_store_dropped(const struct journal_store *s)
{
    return s->dropped;
}

bool journal_store_is_whole(const struct journal_store *s, uint64_t after)
{
    return s->dropped == 0 || after >= s->dropped_to;
}

static uint64_t forget_all(struct journal_store *s)
{
    const struct journal_record *record;
    uint64_t place = 0, count = 0;

    while (journal_store_next(s, &place, &record))
        count++;
    s->first = s->last + 1;
    s->dropped = 0;
    return count;
}

uint64_t journal_store_reset(struct journal_store *s, struct slice isolation)
{
    const struct journal_record *record;
    uint64_t place = 0, count = 0;

    if (isolation.size == 0)
        return forget_all(s);
    while (journal_store_next(s, &place, &record)) {
        if (!slice_is(slice_of(record->isolation), isolation))
            continue;
        kept_at(s, place)->is_forgotten = true;
        count++;
    }
    return count;
}

enum rc journal_store_new(struct journal_store **store, size_t bytes_max,
                          const struct memory *memory)
{
    struct journal_store *s = memory_zeroed(memory, 1, sizeof(*s));

    if (s == NULL)
        return RC_NOMEM;
    s->memory = memory;
    s->room = bytes_max / sizeof(*s->ring) > 0 ? bytes_max / sizeof(*s->ring) : 1;
    s->first = 1;
    s->ring = memory->resize(memory->context, NULL, s->room * sizeof(*s->ring));
    if (s->ring == NULL) {
        journal_store_free(s);
        return RC_NOMEM;
    }
    *store = s;
    return RC_OK;
}

void journal_store_free(struct journal_store *s)
{
    if (s == NULL)
        return;
    memory_release(s->memory, s->ring);
    memory_release(s->memory, s);
}
