/* Scripted answers: what the mock says to requests that match, in place of numbered words. */

#include <stdio.h>

#include "scenario/print.h"
#include "scenario/read.h"

enum { TOKENS_MAX = 1000000000 };

struct answer_block {
    struct value name, match, text, tool, stop, thinking_tokens, cached_tokens, cache_write_tokens;
};

static const struct read_key answer_keys[] = {
    {"name", OPTIONAL, read_keep, offsetof(struct answer_block, name)},
    {"match", OPTIONAL, read_keep, offsetof(struct answer_block, match)},
    {"text", OPTIONAL, read_keep, offsetof(struct answer_block, text)},
    {"tool", OPTIONAL, read_keep, offsetof(struct answer_block, tool)},
    {"stop", OPTIONAL, read_keep, offsetof(struct answer_block, stop)},
    {"thinking_tokens", OPTIONAL, read_keep, offsetof(struct answer_block, thinking_tokens)},
    {"cached_tokens", OPTIONAL, read_keep, offsetof(struct answer_block, cached_tokens)},
    {"cache_write_tokens", OPTIONAL, read_keep, offsetof(struct answer_block, cache_write_tokens)},
};

static enum rc read_answer_text(struct reading *r, const struct value *value, struct slice *text)
{
    if (!value_is_there(value))
        return RC_OK;
    TRY(read_string(r, value, text));
    if (text->size == 0)
        return read_refuse(r, RC_MALFORMED, value, "a string that is not empty");
    return RC_OK;
}

/* --- tools ------------------------------------------------------------------------------------ */

/* An object as clients may read it: comments are the scenario's own. */
static enum rc read_tool_input(struct reading *r, const struct value *value, void *out)
{
    struct buffer plain;
    struct slice text;
    enum rc rc;

    TRY(read_expect_object(r, value));
    buffer_init(&plain, r->arena->memory, SCENARIO_TEXT_MAX);
    print_plain(&plain, value->text);
    text = arena_copy(r->arena, buffer_slice(&plain));
    rc = plain.rc;
    buffer_deinit(&plain);
    if (rc != RC_OK)
        r->arena->rc = rc;
    if (rc != RC_OK || text.data == NULL)
        return read_out_of_memory(r);
    *(struct slice *)out = text;
    return RC_OK;
}

/* As OpenAI takes them; no service takes more. */
static enum rc read_tool_name(struct reading *r, const struct value *value, void *out)
{
    char name[65];

    TRY(read_name(r, value, 0, name, sizeof(name)));
    return read_string(r, value, out);
}

static enum rc read_tool(struct reading *r, const struct value *value, struct script *script)
{
    static const struct read_key keys[] = {
        {"name", NEEDED, read_tool_name, offsetof(struct script, tool_name)},
        {"input", OPTIONAL, read_tool_input, offsetof(struct script, tool_input)},
    };

    script->tool_input = SLICE("{}");
    script->stop = STOP_TOOL;
    return read_object(r, value, keys, ARRAY_SIZE(keys), script);
}

/* --- the rest --------------------------------------------------------------------------------- */

static enum rc read_stop(struct reading *r, const struct value *value, struct script *script)
{
    const char *words[STOP_COUNT];
    uint32_t index;

    for (uint32_t i = 0; i < STOP_COUNT; i++)
        words[i] = stop_word((enum stop)i);
    TRY(read_word(r, value, words, STOP_COUNT, &index));
    script->has_stop = true;
    script->stop = (enum stop)index;
    return RC_OK;
}

static enum rc read_count(struct reading *r, const struct value *value, bool *is_said,
                          uint64_t *count)
{
    *is_said = value_is_there(value);
    return *is_said ? read_whole(r, value, 0, TOKENS_MAX, count) : RC_OK;
}

static enum rc read_counts(struct reading *r, const struct answer_block *block,
                           struct script *script)
{
    TRY(read_count(r, &block->thinking_tokens, &script->has_thinking_tokens,
                   &script->thinking_tokens));
    TRY(read_count(r, &block->cached_tokens, &script->has_cached_tokens, &script->cached_tokens));
    return read_count(r, &block->cache_write_tokens, &script->has_cache_write_tokens,
                      &script->cache_write_tokens);
}

static enum rc name_answer(struct reading *r, const struct value *name, const struct value *entry,
                           struct script *script)
{
    const struct scenario *scenario = r->scenario;

    snprintf(script->name, sizeof(script->name), "answer%u", scenario->scripts_count + 1);
    if (value_is_there(name))
        TRY(read_name(r, name, 0, script->name, sizeof(script->name)));
    for (uint32_t i = 0; i < scenario->scripts_count; i++) {
        if (slice_is(slice_of(script->name), slice_of(scenario->scripts[i].name)))
            return read_refuse_as(r, RC_MALFORMED, entry,
                                  "found a second answer \"%s\", expected a name of its own",
                                  script->name);
    }
    return RC_OK;
}

static enum rc read_answer_match(struct reading *r, const struct value *value, struct match *match)
{
    if (!value_is_there(value))
        return RC_OK;
    TRY(read_match(r, value, false, match));
    if (slice_is(slice_of(match->provider), SLICE("hooks")))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found an answer for posts to hooks, expected one for requests of "
                              "a model");
    return RC_OK;
}

static enum rc read_one_answer(struct reading *r, const struct value *value, struct script *script)
{
    struct answer_block block = {0};

    *script = (struct script){.match = {.input_tokens_max = UINT64_MAX}};
    TRY(read_object(r, value, answer_keys, ARRAY_SIZE(answer_keys), &block));
    TRY(name_answer(r, &block.name, value, script));
    TRY(read_answer_match(r, &block.match, &script->match));
    TRY(read_answer_text(r, &block.text, &script->text));
    if (value_is_there(&block.tool))
        TRY(read_tool(r, &block.tool, script));
    if (value_is_there(&block.stop))
        TRY(read_stop(r, &block.stop, script));
    return read_counts(r, &block, script);
}

enum rc read_answers(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct walk walk;
    struct value element;

    TRY(read_expect_array(r, value, SCRIPTS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        TRY(read_one_answer(r, &element, &scenario->scripts[scenario->scripts_count]));
        scenario->scripts_count++;
    }
    return RC_OK;
}
