#include "judge/accounts.h"

#include <stdlib.h>

#include "base/checksum.h"

uint64_t account_key(struct slice call)
{
    return checksum(0, call);
}

/* --- by name ---------------------------------------------------------------------------------- */

static int by_key(const void *left, const void *right)
{
    uint64_t a = ((const struct account_name *)left)->key;
    uint64_t b = ((const struct account_name *)right)->key;

    return (a > b) - (a < b);
}

static struct account_name *find(struct account_name *names, uint32_t count, uint64_t key)
{
    const struct account_name wanted = {.key = key};

    return count > 0 ? bsearch(&wanted, names, count, sizeof(*names), by_key) : NULL;
}

static struct account_name *find_prefixed(struct accounts *a, const char *prefix, const char *call)
{
    char name[128];
    struct slice begun = slice_of(prefix);

    slice_copy(begun, name, sizeof(name));
    slice_copy(slice_of(call), name + begun.size, sizeof(name) - begun.size);
    return find(a->names, a->names_count, account_key(slice_of(name)));
}

/* A marker by what stands in it, a trace by its id, or either as the journal has it. */
static struct account_name *find_call(struct accounts *a, const char *call)
{
    static const char *const prefixes[] = {"", "mark:", "trace-id:"};
    struct account_name *found = NULL;

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && found == NULL; i++)
        found = find_prefixed(a, prefixes[i], call);
    return found;
}

static struct account_name *named_by(struct accounts *a, const struct app_log_entry *entry)
{
    const char *const ids[] = {entry->id, entry->request};
    struct account_name *found = NULL;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && found == NULL; i++) {
        uint64_t number = app_log_request(slice_of(ids[i]));

        if (number != 0)
            found = find(a->requests, a->requests_count, number);
    }
    if (found == NULL && entry->call[0] != '\0')
        found = find_call(a, entry->call);
    return found;
}

/* Of several lines about one call the last one tells how it ended. */
static void join_by_name(struct accounts *a, uint32_t index)
{
    struct account_name *name = named_by(a, &a->entries[index]);

    if (name == NULL) {
        a->strangers++;
        return;
    }
    a->calls[name->call].is_doubled |= name->was_named;
    name->was_named = true;
    a->calls[name->call].account = ACCOUNT_LINE;
    a->calls[name->call].entry = index;
}

/* --- in order --------------------------------------------------------------------------------- */

static bool is_nameless(const struct app_log_entry *entry)
{
    return entry->is_ours && !entry->is_unreadable && entry->id[0] == '\0' &&
           entry->request[0] == '\0' && entry->call[0] == '\0';
}

/* The next line, from `from` on, that may be any call's. */
static uint32_t next_nameless(const struct accounts *a, uint32_t from)
{
    while (from < a->entries_count && !is_nameless(&a->entries[from]))
        from++;
    return from;
}

static uint32_t next_untold(const struct accounts *a, uint32_t from)
{
    while (from < a->calls_count && a->calls[from].account != ACCOUNT_NONE)
        from++;
    return from;
}

static bool fits(const struct app_log_entry *entry, const struct account_call *call)
{
    return (entry->error[0] == '\0') == call->is_ok;
}

/* One line for each call, one call after the other, and each as its line says. */
static bool is_in_step(const struct accounts *a)
{
    uint32_t entry = next_nameless(a, 0), call = next_untold(a, 0);
    nanos over_at = INT64_MIN;

    while (entry < a->entries_count && call < a->calls_count) {
        if (!fits(&a->entries[entry], &a->calls[call]) || a->calls[call].begun_at < over_at)
            return false;
        over_at = a->calls[call].over_at;
        entry = next_nameless(a, entry + 1);
        call = next_untold(a, call + 1);
    }
    return entry == a->entries_count && call == a->calls_count;
}

static void take(struct accounts *a, uint32_t entry, uint32_t call, enum account_kind kind)
{
    a->calls[call].account = kind;
    a->calls[call].entry = entry;
    a->strangers--;
}

static void join_in_order(struct accounts *a)
{
    uint32_t entry = next_nameless(a, 0), call = next_untold(a, 0);

    while (entry < a->entries_count) {
        take(a, entry, call, ACCOUNT_LINE);
        entry = next_nameless(a, entry + 1);
        call = next_untold(a, call + 1);
    }
}

/* --- by failure ------------------------------------------------------------------------------- */

static void join_failures(struct accounts *a)
{
    uint32_t call = 0;

    for (uint32_t entry = next_nameless(a, 0); entry < a->entries_count;
         entry = next_nameless(a, entry + 1)) {
        if (a->entries[entry].error[0] == '\0')
            continue;
        call = next_untold(a, call);
        while (call < a->calls_count && a->calls[call].is_ok)
            call = next_untold(a, call + 1);
        if (call == a->calls_count)
            return;
        take(a, entry, call, ACCOUNT_FAILURE);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

void accounts_join(struct accounts *a)
{
    if (a->requests_count > 0) /* else there is no table at all */
        qsort(a->requests, a->requests_count, sizeof(*a->requests), by_key);
    if (a->names_count > 0)
        qsort(a->names, a->names_count, sizeof(*a->names), by_key);
    a->lines = a->malformed = a->strangers = a->leaking = 0;
    for (uint32_t i = 0; i < a->entries_count; i++) {
        a->leaking += a->entries[i].has_canary;
        if (!a->entries[i].is_ours)
            continue;
        a->lines++;
        a->malformed += a->entries[i].is_malformed;
        join_by_name(a, i);
    }
    if (is_in_step(a))
        join_in_order(a);
    else
        join_failures(a);
}
