#include "engine/identity.h"

#include <assert.h>
#include <string.h>

#include "base/checksum.h"
#include "engine/call_table.h"

enum {
    WALK_MAX = 256, /* calls of one likeness that are looked through for the one that goes on */
    MARKER_NAME_MAX = 32,
    TRACE_ID_SIZE = 32,
};

/* What a key was made of, so that equal texts of two sorts are two keys. */
enum key_sort { SORT_HEADER = 1, SORT_MARKER, SORT_TRACE, SORT_ISOLATION };

static const struct slice TRACE_PREFIX = {"trace-id:", 9};
static const struct slice LIKENESS_PREFIX = {"like:", 5};
static const struct slice ISOLATION_PREFIX = {"t:", 2};

struct identity {
    struct call_table table;
    const struct memory *memory;
};

static uint64_t key_of(enum key_sort sort, struct slice text)
{
    return checksum((uint64_t)sort, text);
}

/* --- names ------------------------------------------------------------------------------------ */

/* Space for a call's name; what does not fit makes it overlong. */
struct name {
    char *text;
    size_t size;
};

static bool name_add(struct name *name, struct slice part)
{
    if (part.size >= CALL_ID_TEXT_MAX - name->size)
        return false;
    memcpy(name->text + name->size, part.data, part.size);
    name->size += part.size;
    name->text[name->size] = '\0';
    return true;
}

static void name_add_number(struct name *name, uint32_t number)
{
    char digits[10];
    size_t at = sizeof(digits);

    for (; at == sizeof(digits) || number > 0; number /= 10)
        digits[--at] = (char)('0' + number % 10);
    name_add(name, SLICE(":"));
    name_add(name, (struct slice){digits + at, sizeof(digits) - at});
}

static void name_likeness(uint64_t likeness, uint32_t occurrence, struct identity_found *found)
{
    struct name name = {.text = found->call};
    char hash[CHECKSUM_TEXT_SIZE];

    checksum_write(likeness, hash);
    name_add(&name, LIKENESS_PREFIX);
    name_add(&name, slice_of(hash));
    name_add_number(&name, occurrence);
}

/* --- what a request tells of itself ----------------------------------------------------------- */

/* Bytes of an opening or closing bracket at the start of `text`: as UTF-8, or as JSON escapes it;
 * JSON inside JSON escapes the backslash too. 0: there is none. */
static size_t bracket_size(struct slice text, char utf8_last, char escape_last)
{
    size_t slashes = 0;
    const char *escape;

    if (text.size >= 3 && memcmp(text.data, "\xE2\x9F", 2) == 0 && text.data[2] == utf8_last)
        return 3;
    while (slashes < text.size && text.data[slashes] == '\\')
        slashes++;
    if (slashes == 0 || text.size - slashes < 5)
        return 0;
    escape = text.data + slashes;
    if (escape[0] != 'u' || escape[1] != '2' || escape[2] != '7' || (escape[3] | 0x20) != 'e' ||
        escape[4] != escape_last)
        return 0;
    return slashes + 5;
}

static bool is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

/* `text` begins at what may be a bracket. `name` gets "k17". */
static bool marker_at(struct slice text, struct slice *name)
{
    size_t opening = bracket_size(text, '\xA6', '6');
    struct slice inside = {text.data + opening, text.size - opening};
    size_t size = 0;

    if (opening == 0 || inside.size == 0 || inside.data[0] != 'k')
        return false;
    while (size < inside.size && is_name_byte(inside.data[size]))
        size++;
    if (size < 2 || size > MARKER_NAME_MAX)
        return false;
    if (bracket_size((struct slice){inside.data + size, inside.size - size}, '\xA7', '7') == 0)
        return false;
    *name = (struct slice){inside.data, size};
    return true;
}

/* The last marker whose opening bracket begins with that byte: by memchr, for prompts are long. */
static bool last_marker(struct slice body, char first_byte, struct slice *name)
{
    const char *end = body.data + body.size;
    const char *at = body.data;
    bool was_found = false;

    while (at < end && (at = memchr(at, first_byte, (size_t)(end - at))) != NULL) {
        was_found |= marker_at((struct slice){at, (size_t)(end - at)}, name);
        at++;
    }
    return was_found;
}

/* The last of them: a conversation carries those of the calls before. */
static bool find_marker(struct slice body, struct slice *name)
{
    struct slice escaped;
    bool has_plain, has_escaped;

    if (body.size == 0)
        return false;
    has_plain = last_marker(body, '\xE2', name);
    has_escaped = last_marker(body, '\\', &escaped);
    if (has_escaped && (!has_plain || escaped.data > name->data))
        *name = escaped;
    return has_plain || has_escaped;
}

/* Lower-case hexadecimal digits, not all zeros. */
static bool is_trace_hex(struct slice text)
{
    bool is_zero = true;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        is_zero &= c == '0';
    }
    return !is_zero;
}

/* W3C Trace Context §3.2: version "-" trace-id "-" parent-id "-" flags; later versions may go on
 * behind that, "ff" is none. */
static bool find_trace_id(const struct http_request *http, struct slice *trace_id)
{
    enum { SIZE = 55 };
    struct slice value = http_header_of(http, SLICE("traceparent"));
    bool is_first_version = slice_starts_with(value, SLICE("00"));

    if (value.size < SIZE || slice_starts_with(value, SLICE("ff")) ||
        (is_first_version && value.size > SIZE) || (value.size > SIZE && value.data[SIZE] != '-'))
        return false;
    if (value.data[2] != '-' || value.data[35] != '-' || value.data[52] != '-')
        return false;
    if (!is_first_version && !is_trace_hex((struct slice){value.data, 2}))
        return false;
    *trace_id = (struct slice){value.data + 3, TRACE_ID_SIZE};
    return is_trace_hex(*trace_id) && is_trace_hex((struct slice){value.data + 36, 16});
}

static bool header_u32(const struct http_request *http, struct slice name, uint32_t *number)
{
    uint64_t value;

    if (!slice_u64(http_header_of(http, name), &value) || value >= UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    return true;
}

static uint64_t likeness_of(const struct identity_facts *facts)
{
    struct slice rest = facts->http->path;
    struct slice path = {0};

    if (facts->question != 0)
        return checksum(facts->question, facts->isolation);
    (void)slice_cut(&rest, '?', &path); /* an empty path is one, too */
    return checksum(checksum(checksum(0, facts->isolation), path), facts->http->body);
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct call_seen *begin(struct identity *id, const struct identity_facts *facts,
                               uint64_t key)
{
    struct call_seen *before = call_table_newest(&id->table, key);
    uint32_t occurrence = before != NULL ? before->occurrence + 1 : 1;
    struct call_seen *call;

    if (before != NULL && before->is_over)
        call_table_drop(&id->table, before); /* it was kept to count on */
    call = call_table_add(&id->table, key);
    call->isolation = checksum(0, facts->isolation);
    call->occurrence = occurrence;
    return call;
}

static void attempt(struct identity *id, struct call_seen *call, struct identity_found *found)
{
    call_table_use(&id->table, call);
    if (call->attempts < UINT32_MAX)
        call->attempts++;
    call->in_progress++;
    found->ordinal = call->attempts;
}

/* An attempt of the newest call of that key, whatever became of it. */
static void count_on(struct identity *id, const struct identity_facts *facts, uint64_t key,
                     struct identity_found *found)
{
    struct call_seen *call = call_table_newest(&id->table, key);

    attempt(id, call != NULL ? call : begin(id, facts, key), found);
}

/* Of the open calls the latest whose round has had so many attempts, else the latest. */
static struct call_seen *call_with_round(struct identity *id, uint64_t key, uint32_t attempts)
{
    struct call_seen *latest = NULL;
    struct call_seen *call = call_table_newest(&id->table, key);

    for (int walked = 0; call != NULL && walked < WALK_MAX; walked++) {
        if (!call->is_over && call->round == attempts)
            return call;
        if (!call->is_over && latest == NULL)
            latest = call;
        call = call_table_before(&id->table, call);
    }
    return latest;
}

/* The latest call, if all its attempts so far ended badly. */
static struct call_seen *call_that_failed(struct identity *id, uint64_t key)
{
    struct call_seen *call = call_table_newest(&id->table, key);

    return call != NULL && !call->is_over && call->in_progress == 0 ? call : NULL;
}

/* A trace may be a whole page's or agent's: another question is another call. Where it could not be
 * read, a call may go on with other words (on another model): an open one that asks nothing now. */
static struct call_seen *call_of_trace(struct identity *id, uint64_t key, uint64_t question,
                                       bool is_read)
{
    struct call_seen *idle = NULL;
    struct call_seen *call = call_table_newest(&id->table, key);

    for (int walked = 0; call != NULL && walked < WALK_MAX; walked++) {
        if (!call->is_over && call->question == question)
            return call;
        if (!is_read && !call->is_over && call->in_progress == 0 && idle == NULL)
            idle = call;
        call = call_table_before(&id->table, call);
    }
    return idle;
}

/* --- the keys, one after another -------------------------------------------------------------- */

static bool take_header(struct identity *id, const struct identity_facts *facts,
                        struct identity_found *found)
{
    struct slice call = http_header_of(facts->http, SLICE("x-brownout-call"));

    if (call.size == 0 || call.size >= sizeof(found->call))
        return false;
    slice_copy(call, found->call, sizeof(found->call));
    found->key = KEY_HEADER;
    if (header_u32(facts->http, SLICE("x-brownout-attempt"), &found->attempt) && found->attempt > 0)
        found->ordinal = found->attempt;
    else
        count_on(id, facts, key_of(SORT_HEADER, call), found);
    return true;
}

static bool take_marker(struct identity *id, const struct identity_facts *facts,
                        struct identity_found *found)
{
    struct name name = {.text = found->call};
    struct slice marker;

    if (!find_marker(facts->http->body, &marker))
        return false;
    found->key = KEY_MARKER;
    name_add(&name, SLICE("mark:"));
    name_add(&name, marker);
    count_on(id, facts, key_of(SORT_MARKER, marker), found);
    return true;
}

static bool take_trace(struct identity *id, const struct identity_facts *facts,
                       struct identity_found *found)
{
    struct name name = {.text = found->call};
    uint64_t key, question;
    struct slice trace_id;
    struct call_seen *call;

    if (!find_trace_id(facts->http, &trace_id))
        return false;
    found->key = KEY_TRACEPARENT;
    question = likeness_of(facts);
    key = key_of(SORT_TRACE, trace_id);
    call = call_of_trace(id, key, question, facts->question != 0);
    if (call == NULL)
        call = begin(id, facts, key);
    call->question = question; /* a fallback asks another model */
    attempt(id, call, found);
    name_add(&name, TRACE_PREFIX);
    name_add(&name, trace_id);
    if (call->occurrence > 1)
        name_add_number(&name, call->occurrence);
    return true;
}

static bool take_retry_count(struct identity *id, const struct identity_facts *facts,
                             uint64_t likeness, struct identity_found *found)
{
    struct call_seen *call;

    if (!found->has_retry_count)
        return false;
    found->key = KEY_RETRY_COUNT;
    call = found->retry_count > 0 ? call_with_round(id, likeness, found->retry_count)
                                  : call_that_failed(id, likeness);
    if (call == NULL)
        call = begin(id, facts, likeness);
    if (call->round < found->retry_count) /* attempts that never came here */
        call->attempts += found->retry_count - call->round;
    call->round = found->retry_count + 1;
    attempt(id, call, found);
    name_likeness(likeness, call->occurrence, found);
    return true;
}

static bool take_isolation(struct identity *id, const struct identity_facts *facts,
                           uint64_t likeness, struct identity_found *found)
{
    struct name name = {.text = found->call};
    uint64_t key = key_of(SORT_ISOLATION, facts->isolation);
    struct call_seen *call;

    if (facts->isolation.size == 0 || !name_add(&name, ISOLATION_PREFIX) ||
        !name_add(&name, facts->isolation))
        return false;
    call = call_table_newest(&id->table, key);
    if (call == NULL) {
        call = begin(id, facts, key);
        call->question = likeness;
    }
    if (call->question != likeness)
        call->is_over = true; /* two questions: the path tells them apart no longer */
    if (call->is_over) {
        call_table_use(&id->table, call);
        return false;
    }
    found->key = KEY_ISOLATION;
    attempt(id, call, found);
    return true;
}

static void take_likeness(struct identity *id, const struct identity_facts *facts,
                          uint64_t likeness, struct identity_found *found)
{
    struct call_seen *call = call_table_newest(&id->table, likeness);

    if (call == NULL || call->is_over)
        call = begin(id, facts, likeness);
    found->key = KEY_LIKENESS;
    attempt(id, call, found);
    name_likeness(likeness, call->occurrence, found);
}

bool identity_is_said(const struct http_request *http)
{
    return http_header_of(http, SLICE("x-brownout-call")).size > 0;
}

void identity_of(struct identity *id, const struct identity_facts *facts,
                 struct identity_found *found)
{
    uint64_t likeness;

    *found = (struct identity_found){.key = KEY_NONE, .ordinal = 1};
    found->has_retry_count =
        header_u32(facts->http, SLICE("x-stainless-retry-count"), &found->retry_count);
    if (take_header(id, facts, found) || take_marker(id, facts, found) ||
        take_trace(id, facts, found) || facts->http->body.size == 0)
        return;
    likeness = likeness_of(facts);
    found->likeness = likeness;
    if (!take_retry_count(id, facts, likeness, found) &&
        !take_isolation(id, facts, likeness, found))
        take_likeness(id, facts, likeness, found);
}

/* --- afterwards ------------------------------------------------------------------------------- */

static bool skip(struct slice *text, struct slice prefix)
{
    if (!slice_starts_with(*text, prefix))
        return false;
    *text = (struct slice){text->data + prefix.size, text->size - prefix.size};
    return true;
}

/* The key of a call that may be over, by its name; false for those that are for ever one. */
static bool read_name(struct slice name, uint64_t *key, uint64_t *occurrence)
{
    struct slice text = name;
    struct slice part;

    *occurrence = 1;
    if (skip(&text, ISOLATION_PREFIX)) {
        *key = key_of(SORT_ISOLATION, text);
        return true;
    }
    if (skip(&text, TRACE_PREFIX) && slice_cut(&text, ':', &part)) {
        *key = key_of(SORT_TRACE, part);
        return text.size == 0 || slice_u64(text, occurrence);
    }
    return skip(&text, LIKENESS_PREFIX) && slice_cut(&text, ':', &part) &&
           checksum_read(part, key) && slice_u64(text, occurrence);
}

void identity_settled(struct identity *id, struct slice name, bool was_answered)
{
    uint64_t key, occurrence;
    struct call_seen *newest, *call;

    if (!read_name(name, &key, &occurrence))
        return;
    newest = call_table_newest(&id->table, key);
    call = newest;
    for (int walked = 0; call != NULL && call->occurrence != occurrence; walked++)
        call = walked < WALK_MAX ? call_table_before(&id->table, call) : NULL;
    if (call == NULL)
        return;
    if (call->in_progress > 0) /* none, when it was forgotten meanwhile and begun anew */
        call->in_progress--;
    call->is_over |= was_answered;
    if (call->is_over && call != newest)
        call_table_drop(&id->table, call);
}

void identity_reset(struct identity *id, struct slice isolation)
{
    if (isolation.size == 0)
        call_table_clear(&id->table);
    else
        call_table_drop_isolation(&id->table, checksum(0, isolation));
}

/* --- birth and death -------------------------------------------------------------------------- */

enum rc identity_new(struct identity **identity, uint32_t calls_max, const struct memory *memory)
{
    struct identity *id = memory_zeroed(memory, 1, sizeof(*id));
    enum rc rc;

    if (id == NULL)
        return RC_NOMEM;
    id->memory = memory;
    rc = call_table_init(&id->table, calls_max, memory);
    if (rc != RC_OK) {
        identity_free(id);
        return rc;
    }
    *identity = id;
    return RC_OK;
}

void identity_free(struct identity *id)
{
    if (id == NULL)
        return;
    call_table_deinit(&id->table);
    memory_release(id->memory, id);
}
