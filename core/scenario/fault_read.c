/* One fault, or a sequence of them: what a rule does to the attempts it hits. */

#include "scenario/fault_read.h"

/* --- connections and places ------------------------------------------------------------------- */

static enum rc read_idle_close(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {
        [PLAN_CLOSE_END] = "silent", [PLAN_CLOSE_FIN] = "fin", [PLAN_CLOSE_RST] = "rst"};
    enum plan_close *close = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *close = (enum plan_close)index;
    return RC_OK;
}

static enum rc read_idle_closed(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after", NEEDED, read_span, offsetof(struct fault, delay)},
        {"by", OPTIONAL, read_idle_close, offsetof(struct fault, close)},
    };

    fault->connection = CONNECTION_IDLE_CLOSED;
    fault->close = PLAN_CLOSE_FIN;
    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

struct connection_block {
    struct value idle_closed, slow, limit;
};

static enum rc read_connection_block(struct reading *r, const struct value *value,
                                     struct fault *fault)
{
    static const struct read_key keys[] = {
        {"idle_closed", OPTIONAL, read_keep, offsetof(struct connection_block, idle_closed)},
        {"slow", OPTIONAL, read_keep, offsetof(struct connection_block, slow)},
        {"limit", OPTIONAL, read_keep, offsetof(struct connection_block, limit)},
    };
    struct connection_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    if (value_is_there(&block.idle_closed) + value_is_there(&block.slow) +
            value_is_there(&block.limit) !=
        1)
        return read_refuse_as(
            r, RC_MALFORMED, value,
            "found not just one of \"idle_closed\", \"slow\" and \"limit\", expected one");
    if (value_is_there(&block.idle_closed))
        return read_idle_closed(r, &block.idle_closed, fault);
    if (value_is_there(&block.slow)) {
        fault->connection = CONNECTION_SLOW;
        return read_span(r, &block.slow, &fault->delay);
    }
    fault->connection = CONNECTION_LIMIT;
    return read_whole(r, &block.limit, 0, 1000000, &fault->tokens);
}

static enum rc read_connection(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"refused", "closed", "reset", "silent"};
    static const enum connection_fault connections[] = {CONNECTION_REFUSED, CONNECTION_CLOSED,
                                                        CONNECTION_CLOSED, CONNECTION_SILENT};
    static const enum plan_close closes[] = {PLAN_CLOSE_RST, PLAN_CLOSE_FIN, PLAN_CLOSE_RST,
                                             PLAN_CLOSE_END};
    uint32_t index;

    fault->kind = FAULT_CONNECTION;
    if (value->token.kind == JSON_OBJECT)
        return read_connection_block(r, value, fault);
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->connection = connections[index];
    fault->close = closes[index];
    return RC_OK;
}

static enum rc read_capacity(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->kind = FAULT_CAPACITY;
    return read_share(r, value, &fault->factor);
}

/* --- one fault -------------------------------------------------------------------------------- */

static fault_reader *const readers[FAULT_WORDS_COUNT] = {
    [FAULT_WORD_STATUS] = fault_read_status,
    [FAULT_WORD_RESET] = fault_read_reset,
    [FAULT_WORD_SLOW_HEADERS] = fault_read_slow_headers,
    [FAULT_WORD_LATE_FIRST_TOKEN] = fault_read_late_first,
    [FAULT_WORD_SLOW_TOKENS] = fault_read_slow_tokens,
    [FAULT_WORD_CONTEXT_WINDOW] = fault_read_context_window,
    [FAULT_WORD_STALL] = fault_read_stall,
    [FAULT_WORD_FREEZE] = fault_read_freeze,
    [FAULT_WORD_ONE_BYTE] = fault_read_one_byte,
    [FAULT_WORD_SPLIT] = fault_read_split,
    [FAULT_WORD_TOKENS_PER_EVENT] = fault_read_tokens_per_event,
    [FAULT_WORD_ERROR_EVENT] = fault_read_error_event,
    [FAULT_WORD_CUT] = fault_read_cut,
    [FAULT_WORD_BROKEN_JSON] = fault_read_broken_json,
    [FAULT_WORD_DUPLICATE_EVENT] = fault_read_duplicate,
    [FAULT_WORD_REORDER_EVENTS] = fault_read_reorder,
    [FAULT_WORD_DONE] = fault_read_done,
    [FAULT_WORD_EVENT_NAMES] = fault_read_event_names,
    [FAULT_WORD_USAGE] = fault_read_usage,
    [FAULT_WORD_EMPTY_ANSWER] = fault_read_empty_answer,
    [FAULT_WORD_RUNAWAY] = fault_read_runaway,
    [FAULT_WORD_FOREIGN_TEXT] = fault_read_foreign_text,
    [FAULT_WORD_HEADERS] = fault_read_headers,
    [FAULT_WORD_CONTENT_TYPE] = fault_read_content_type,
    [FAULT_WORD_BODY] = fault_read_body,
    [FAULT_WORD_CONNECTION] = read_connection,
    [FAULT_WORD_CAPACITY] = read_capacity,
};

struct fault_block {
    struct value words[FAULT_WORDS_COUNT];
    struct value retry_after, failure;
};

#define FAULT_WORD_KEY(name, word, takes, where, about, example) \
    {word, OPTIONAL, read_keep, offsetof(struct fault_block, words[FAULT_WORD_##name])},
static const struct read_key fault_keys[] = {
    FAULT_WORD_LIST(FAULT_WORD_KEY){"retry_after", OPTIONAL, read_keep,
                                    offsetof(struct fault_block, retry_after)},
    {"failure", OPTIONAL, read_keep, offsetof(struct fault_block, failure)},
};
#undef FAULT_WORD_KEY

_Static_assert(ARRAY_SIZE(fault_keys) <= READ_KEYS_MAX, "one bit for each key");

/* The word that says what goes wrong: none of those that stand beside, unless they are alone. */
static enum rc find_word(struct reading *r, const struct value *value,
                         const struct fault_block *block, enum fault_word *found)
{
    uint32_t count = 0, beside_count = 0;

    for (uint32_t word = 0; word < FAULT_WORDS_COUNT; word++) {
        bool stands_beside = fault_word_card(word)->takes & FAULT_STANDS_BESIDE;

        if (!value_is_there(&block->words[word]))
            continue;
        if (!stands_beside || (count == 0 && beside_count == 0))
            *found = (enum fault_word)word;
        count += !stands_beside;
        beside_count += stands_beside;
    }
    if (count == 1 || (count == 0 && beside_count > 0))
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found %u faults in one object, expected one such as {\"status\": 529}",
                          count);
}

static enum rc read_beside(struct reading *r, const struct fault_block *block,
                           enum fault_word beside, enum fault_word word, struct fault *fault)
{
    unsigned needed = beside == FAULT_WORD_BODY ? FAULT_TAKES_BODY : FAULT_TAKES_HEAD;

    if (beside == word || !value_is_there(&block->words[beside]))
        return RC_OK;
    if (!(fault_word_card(word)->takes & needed))
        return read_refuse_as(r, RC_MALFORMED, &block->words[beside],
                              "found \"%s\" beside \"%s\", which has no place for it, expected it "
                              "alone or beside another",
                              fault_word_card(beside)->word, fault_word_card(word)->word);
    return readers[beside](r, &block->words[beside], fault);
}

/* Beside a status: what it means, and advice. */
static enum rc read_meaning(struct reading *r, const struct fault_block *block,
                            enum fault_word word, struct fault *fault)
{
    const struct value *status = &block->words[FAULT_WORD_STATUS];

    if (word != FAULT_WORD_STATUS && value_is_there(&block->retry_after))
        return read_refuse_as(r, RC_MALFORMED, &block->retry_after,
                              "found \"retry_after\" without \"status\", expected it beside one");
    if (word != FAULT_WORD_STATUS && value_is_there(&block->failure))
        return read_refuse_as(r, RC_MALFORMED, &block->failure,
                              "found \"failure\" without \"status\", expected it beside one");
    if (fault->status == 200 && !value_is_there(&block->failure))
        return read_refuse_as(r, RC_MALFORMED, status,
                              "found status 200 without \"failure\", expected the error that its "
                              "body tells");
    if (value_is_there(&block->failure))
        TRY(fault_read_failure(r, &block->failure, &fault->failure));
    if (value_is_there(&block->retry_after))
        TRY(fault_read_retry_after(r, &block->retry_after, fault));
    return RC_OK;
}

static enum rc read_fault(struct reading *r, const struct value *value, struct fault *fault)
{
    struct fault_block block = {0};
    enum fault_word word = FAULT_WORDS_COUNT;

    TRY(read_object(r, value, fault_keys, ARRAY_SIZE(fault_keys), &block));
    TRY(find_word(r, value, &block, &word));
    *fault = (struct fault){.kind = FAULT_QUIRKS};
    TRY(readers[word](r, &block.words[word], fault));
    TRY(read_meaning(r, &block, word, fault));
    TRY(read_beside(r, &block, FAULT_WORD_HEADERS, word, fault));
    TRY(read_beside(r, &block, FAULT_WORD_CONTENT_TYPE, word, fault));
    return read_beside(r, &block, FAULT_WORD_BODY, word, fault);
}

/* --- a sequence ------------------------------------------------------------------------------- */

static enum rc read_entry(struct reading *r, const struct value *value, struct fault *fault)
{
    if (value->token.kind == JSON_STRING && json_is(&value->token, SLICE("ok")))
        return RC_OK;
    if (value->token.kind == JSON_STRING)
        return read_refuse(r, RC_MALFORMED, value, "\"ok\" or a fault { }");
    TRY(read_fault(r, value, fault));
    if (fault->kind != FAULT_CONNECTION && fault->kind != FAULT_CAPACITY)
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, value,
                          "found a fault of %s in a sequence, expected it alone: it does not "
                          "belong to an attempt",
                          fault->kind == FAULT_CONNECTION ? "connections" : "capacity");
}

/* An array of faults is a sequence: one for each attempt of a call. */
enum rc read_sequence(struct reading *r, const struct value *value, struct chaos_rule *rule)
{
    struct fault *faults = arena_take(r->arena, CHAOS_SEQUENCE_MAX, sizeof(*faults));
    struct walk walk;
    struct value element;

    if (faults == NULL)
        return read_out_of_memory(r);
    rule->sequence = faults;
    if (value->token.kind == JSON_OBJECT) {
        rule->sequence_count = 1;
        return read_fault(r, value, &faults[0]);
    }
    TRY(read_expect_elements(r, value, CHAOS_SEQUENCE_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element))
        TRY(read_entry(r, &element, &faults[rule->sequence_count++]));
    return RC_OK;
}
