#include "judge/alert_book.h"

#include <stdio.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

void alert_book_init(struct alert_book *book, const struct scenario *scenario,
                     const struct memory *memory)
{
    *book = (struct alert_book){.scenario = scenario, .memory = memory};
}

void alert_book_deinit(struct alert_book *book)
{
    if (book->memory == NULL)
        return;
    memory_release(book->memory, book->entries);
    memory_release(book->memory, book->buckets);
    *book = (struct alert_book){0};
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool find_budget(const struct scenario *scenario, struct slice name, uint32_t *budget)
{
    const struct monitor_rules *rules = &scenario->monitor;

    for (uint32_t i = 0; i < rules->budgets_count; i++) {
        if (!slice_is(name, slice_of(rules->budgets[i].name)))
            continue;
        *budget = i;
        return true;
    }
    return false;
}

/* The kind stands before the first colon, the period behind the last; a budget's name between them
 * may hold colons of its own. */
static bool read_key(const struct scenario *scenario, struct slice text, struct alert_key *key)
{
    struct slice kind, name = text, period = {0};

    if (!slice_cut(&name, ':', &kind) || !alert_kind_find(kind, &key->kind))
        return false;
    period = name;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == ':')
            period = (struct slice){name.data + i + 1, name.size - i - 1};
    if (!slice_u64(period, &key->period))
        return false;
    if (key->kind != ALERT_BUDGET)
        return period.size == name.size;
    if (period.size == name.size)
        return false;
    name.size -= period.size + 1;
    return find_budget(scenario, name, &key->budget);
}

/* An alert of somebody else's: false when it is ours, or about one of several budgets. */
static bool read_guess(const struct scenario *scenario, struct slice text, nanos at,
                       struct alert_key *key)
{
    const struct monitor_rules *rules = &scenario->monitor;
    uint64_t likeness;
    nanos per = rules->cool_down;

    if (!alert_guess_read(text, &key->kind, &likeness))
        return false;
    if (key->kind == ALERT_BUDGET) {
        if (rules->budgets_count != 1)
            return false;
        per = rules->budgets[0].per;
    } else {
        key->likeness = likeness;
    }
    key->period = at > 0 && per > 0 ? (uint64_t)(at / per) : 0;
    return true;
}

void alert_key_write(const struct scenario *scenario, struct alert_key key, char *text)
{
    const char *kind = alert_kind_word(key.kind);
    unsigned long long period = key.period;

    if (key.kind == ALERT_BUDGET)
        snprintf(text, ALERT_KEY_MAX, "%s:%s:%llu", kind,
                 scenario->monitor.budgets[key.budget].name, period);
    else if (key.likeness != 0)
        snprintf(text, ALERT_KEY_MAX, "%s~%08llx:%llu", kind,
                 (unsigned long long)key.likeness >> 32, period);
    else
        snprintf(text, ALERT_KEY_MAX, "%s:%llu", kind, period);
}

/* --- the table -------------------------------------------------------------------------------- */

static bool is_same(struct alert_key a, struct alert_key b)
{
    return a.hook == b.hook && a.kind == b.kind && a.budget == b.budget && a.period == b.period &&
           a.likeness == b.likeness;
}

/* The bucket that holds the key, or the empty one where it would go. */
static uint32_t probe(const struct alert_book *book, struct alert_key key)
{
    uint64_t subject = (uint64_t)key.hook << 40 ^ (uint64_t)key.kind << 48 ^
                       (uint64_t)key.budget << 56 ^ key.period ^ key.likeness;
    uint32_t bucket = (uint32_t)(subject * 0x9E3779B97F4A7C15u >> 32) & (book->buckets_count - 1);

    while (book->buckets[bucket] != 0 &&
           !is_same(book->entries[book->buckets[bucket] - 1].key, key))
        bucket = (bucket + 1) & (book->buckets_count - 1);
    return bucket;
}

/* Half as many entries as buckets. A book whose second request fails still fits its first. */
static bool grow(struct alert_book *book)
{
    const struct memory *memory = book->memory;
    uint32_t count = book->buckets_count > 0 ? book->buckets_count * 2 : BUCKETS_FIRST;
    struct alert_entry *entries;
    uint32_t *buckets;

    if (count / 2 > ALERTS_MAX)
        return false;
    entries = memory->resize(memory->context, book->entries, count / 2 * sizeof(*entries));
    if (entries == NULL)
        return false;
    book->entries = entries;
    buckets = memory->resize(memory->context, book->buckets, count * sizeof(*buckets));
    if (buckets == NULL)
        return false;
    memset(buckets, 0, count * sizeof(*buckets));
    book->buckets = buckets;
    book->buckets_count = count;
    for (uint32_t i = 0; i < book->entries_count; i++)
        buckets[probe(book, entries[i].key)] = i + 1;
    return true;
}

const struct alert_entry *alert_book_find(const struct alert_book *book, struct alert_key key)
{
    uint32_t bucket;

    if (book->buckets_count == 0)
        return NULL;
    bucket = probe(book, key);
    return book->buckets[bucket] != 0 ? &book->entries[book->buckets[bucket] - 1] : NULL;
}

static struct alert_entry *take(struct alert_book *book, struct alert_key key)
{
    uint32_t bucket;

    if (book->entries_count == book->buckets_count / 2 && alert_book_find(book, key) == NULL &&
        !grow(book))
        return NULL;
    bucket = probe(book, key);
    if (book->buckets[bucket] == 0) {
        book->entries[book->entries_count++] =
            (struct alert_entry){.key = key, .accepted_at = NANOS_NEVER};
        book->buckets[bucket] = book->entries_count;
    }
    return &book->entries[book->buckets[bucket] - 1];
}

/* --- both accounts ---------------------------------------------------------------------------- */

/* NULL: no room; counted. */
static struct alert_entry *entry_of(struct alert_book *book, struct alert_key key)
{
    struct alert_entry *entry = take(book, key);

    book->lost += entry == NULL;
    return entry;
}

static void keep_failure(struct alert_entry *entry, const struct alert_record *record)
{
    bool is_first = entry->undelivered + entry->open == 1;

    if (!is_first && record->alert.raised_at >= entry->failure.raised_at)
        return;
    entry->failure.raised_at = record->alert.raised_at;
    entry->failure.tries = record->tries;
    entry->failure.status = record->status;
}

void alert_book_raised(struct alert_book *book, const struct alert_record *record)
{
    struct alert_key key = {.hook = record->hook};
    struct alert_entry *entry;

    if (!read_key(book->scenario, slice_of(record->alert.key), &key)) {
        book->unreadable++;
        return;
    }
    entry = entry_of(book, key);
    if (entry == NULL)
        return;
    entry->raised++;
    if (record->is_delivered) {
        entry->delivered++;
        return;
    }
    if (record->settled_at == NANOS_NEVER)
        entry->open++;
    else
        entry->undelivered++;
    keep_failure(entry, record);
}

void alert_book_posted(struct alert_book *book, const struct journal_record *record)
{
    struct alert_key key = {.hook = record->hook};
    struct slice name = slice_of(record->alert);
    struct alert_entry *entry;

    if (record->status < 200 || record->status > 299)
        return; /* refused, or never answered: it will come again */
    if (!read_key(book->scenario, name, &key) &&
        !read_guess(book->scenario, name, record->head_in_at, &key)) {
        book->unreadable++;
        return;
    }
    entry = entry_of(book, key);
    if (entry == NULL)
        return;
    entry->accepted++;
    entry->invalid += !record->is_hook_valid;
    entry->accepted_at = nanos_min(entry->accepted_at, record->head_in_at);
}
