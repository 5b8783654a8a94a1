#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "admin_parts.h"

enum { LIMIT_DEFAULT = 1000, LIST_BYTES_MAX = 16 << 20 };

/* What is asked of the journal. */
struct journal_ask {
    struct journal_filter match;
    uint64_t after, limit;
    bool is_lines;
};

static enum rc read_format(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"json", "lines"};
    uint32_t word = 0;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &word));
    *(bool *)out = word == 1;
    return RC_OK;
}

static const struct read_key journal_keys[] = {
    {"match", OPTIONAL, journal_filter_value, offsetof(struct journal_ask, match)},
    {"after", OPTIONAL, admin_read_count, offsetof(struct journal_ask, after)},
    {"limit", OPTIONAL, admin_read_count, offsetof(struct journal_ask, limit)},
    {"format", OPTIONAL, read_format, offsetof(struct journal_ask, is_lines)},
};

/* --- finding and counting --------------------------------------------------------------------- */

static void write_whole(struct admin *a, uint64_t after)
{
    buffer_printf(&a->out, ",\"dropped\":%" PRIu64 ",\"is_whole\":%s}\n",
                  journal_store_dropped(a->store),
                  journal_store_is_whole(a->store, after) ? "true" : "false");
}

/* How many match; `next` is where a reader that took the listed ones goes on. */
static uint64_t list(struct admin *a, const struct journal_ask *ask, uint64_t *next)
{
    const struct journal_record *record;
    uint64_t place = ask->after, matched = 0;
    bool is_full = false;

    *next = ask->after;
    while (journal_store_next(a->store, &place, &record)) {
        if (!journal_filter_matches(&ask->match, a->options.scenario, record))
            continue;
        is_full = is_full || matched >= ask->limit || a->out.size > LIST_BYTES_MAX;
        matched++;
        if (is_full)
            continue;
        if (!ask->is_lines)
            buffer_text(&a->out, matched > 1 ? "," : "");
        evidence_write_journal(a->options.scenario, record, &a->out);
        *next = place;
    }
    if (!is_full && place > *next)
        *next = place;
    return matched;
}

uint16_t admin_journal(struct admin *a, const struct admin_request *request)
{
    struct journal_ask ask = {.limit = LIMIT_DEFAULT};
    uint64_t matched, next;
    uint16_t status;

    if (admin_read(a, request, journal_keys, ARRAY_SIZE(journal_keys), &ask, &status) != RC_OK)
        return status;
    if (!ask.is_lines)
        buffer_text(&a->out, "{\"records\":[\n");
    matched = list(a, &ask, &next);
    if (ask.is_lines)
        return 200;
    buffer_printf(&a->out, "],\"matched\":%" PRIu64 ",\"next\":%" PRIu64, matched, next);
    write_whole(a, ask.after);
    return 200;
}

uint16_t admin_count(struct admin *a, const struct admin_request *request)
{
    struct journal_ask ask = {0};
    const struct journal_record *record;
    uint64_t place, count = 0;
    uint16_t status;

    if (admin_read(a, request, journal_keys, ARRAY_SIZE(journal_keys), &ask, &status) != RC_OK)
        return status;
    place = ask.after;
    while (journal_store_next(a->store, &place, &record))
        count += journal_filter_matches(&ask.match, a->options.scenario, record);
    buffer_printf(&a->out, "{\"count\":%" PRIu64 ",\"last\":%" PRIu64 ",\"open\":%" PRIu32, count,
                  journal_store_last(a->store), admin_open_count(a, &ask.match));
    write_whole(a, ask.after);
    return 200;
}

/* --- forgetting ------------------------------------------------------------------------------- */

struct name_ask {
    char name[48];
};

static enum rc read_any_name(struct reading *r, const struct value *value, void *out)
{
    struct name_ask *ask = out;

    if (value->token.kind == JSON_NUMBER && slice_copy(value->token.raw, ask->name, 48))
        return RC_OK;
    return read_text(r, value, ask->name, sizeof(ask->name));
}

static const struct read_key forget_keys[] = {{"isolation", OPTIONAL, read_any_name, 0}};
static const struct read_key hook_keys[] = {{"hook", OPTIONAL, read_any_name, 0}};

uint16_t admin_forget(struct admin *a, const struct admin_request *request)
{
    struct name_ask ask = {{0}};
    uint16_t status;
    uint64_t count;

    if (admin_read(a, request, forget_keys, ARRAY_SIZE(forget_keys), &ask, &status) != RC_OK)
        return status;
    count = journal_store_reset(a->store, slice_of(ask.name));
    buffer_printf(&a->out, "{\"ok\":true,\"forgotten\":%" PRIu64 "}\n", count);
    return 200;
}

/* --- posts to hooks --------------------------------------------------------------------------- */

uint16_t admin_hooks(struct admin *a, const struct admin_request *request)
{
    struct name_ask ask = {{0}};
    uint16_t status;

    if (admin_read(a, request, hook_keys, ARRAY_SIZE(hook_keys), &ask, &status) != RC_OK)
        return status;
    hook_box_write(&a->hooks, slice_of(ask.name), &a->out);
    return 200;
}
