#include "lanes.h"

#include <assert.h>

enum { WORD_BITS = 64 };

static uint32_t round_up(uint32_t count, uint32_t unit)
{
    return (count + unit - 1) / unit;
}

static uint64_t *word_of(const struct lanes *l, uint32_t index, uint64_t *bit)
{
    uint32_t provider = index / l->per_provider;
    uint32_t number = index % l->per_provider;

    *bit = (uint64_t)1 << number % WORD_BITS;
    return &l->has_place[provider * l->words_per_provider + number / WORD_BITS];
}

static void set_place(struct lanes *l, uint32_t index, bool has_place)
{
    uint64_t bit;
    uint64_t *word = word_of(l, index, &bit);

    *word = has_place ? *word | bit : *word & ~bit;
}

enum rc lanes_init(struct lanes *l, const struct lanes_options *options)
{
    uint32_t count;

    *l = (struct lanes){.host = {options->transfers, options->poller, NULL},
                        .providers = options->providers,
                        .per_provider = round_up(options->places, LANE_TRANSFERS_MAX)};
    l->words_per_provider = round_up(l->per_provider, WORD_BITS);
    count = l->providers * l->per_provider;
    TRY(timers_init(&l->deadlines, options->memory, count));
    l->host.deadlines = &l->deadlines;
    l->lanes = memory_zeroed(options->memory, count, sizeof(*l->lanes));
    l->has_place =
        memory_zeroed(options->memory, l->providers * l->words_per_provider, sizeof(*l->has_place));
    if (l->lanes == NULL || l->has_place == NULL)
        return RC_NOMEM; /* lanes_deinit takes back what there is */
    for (uint32_t i = 0; i < count; i++)
        set_place(l, i, true);
    return RC_OK;
}

void lanes_deinit(struct lanes *l)
{
    const struct memory *memory = l->deadlines.memory;

    for (uint32_t i = 0; l->lanes != NULL && i < l->providers * l->per_provider; i++)
        lane_close(&l->lanes[i]);
    if (l->lanes != NULL)
        memory_release(memory, l->lanes);
    if (l->has_place != NULL)
        memory_release(memory, l->has_place);
    timers_deinit(&l->deadlines);
    *l = (struct lanes){0};
}

static uint32_t first_with_place(const struct lanes *l, uint32_t provider)
{
    const uint64_t *words = &l->has_place[provider * l->words_per_provider];
    uint32_t i = 0;

    while (words[i] == 0) {
        i++;
        assert(i < l->words_per_provider); /* `places` transfers fit */
    }
    return provider * l->per_provider + i * WORD_BITS + (uint32_t)__builtin_ctzll(words[i]);
}

struct lane *lanes_find(struct lanes *l, uint32_t provider)
{
    uint32_t index;

    assert(provider < l->providers);
    index = first_with_place(l, provider);
    if (l->lanes[index].multi != NULL)
        return &l->lanes[index];
    if (lane_open(&l->lanes[index], &l->host, index) != RC_OK)
        return NULL;
    l->open++;
    return &l->lanes[index];
}

void lanes_note(struct lanes *l, const struct lane *lane)
{
    set_place(l, lane->index, lane->transfers_count < LANE_TRANSFERS_MAX);
}

struct lane *lanes_take_due(struct lanes *l, nanos now)
{
    uint32_t index;

    return timers_take(&l->deadlines, now, &index) ? &l->lanes[index] : NULL;
}

nanos lanes_due_at(const struct lanes *l)
{
    return timers_first_at(&l->deadlines);
}
