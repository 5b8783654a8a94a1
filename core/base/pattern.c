#include "base/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { PROBLEM_BYTES = 160 };

/* PCRE2 keeps its working space from match to match and doubles it when it is too small, from 20 KB
 * on up to the limit. Old ones are not used again, so this holds all there will ever be. */
enum { SPACE_BYTES = 3 * PATTERN_NESTING_KB * 1024 };

struct regex {
    pcre2_code *code;
    pcre2_match_data *match_data;
    pcre2_match_context *match_context;
    struct arena *arena; /* while it is compiled; then NULL: memory comes from `space` */
    char *space;
    size_t space_used;
    uint64_t steps; /* of the text that is being matched */
    uint64_t steps_max;
    size_t position; /* in it, at the last step */
};

static void *take_memory(size_t size, void *context)
{
    struct regex *regex = context;
    char *taken;

    if (regex->arena != NULL)
        return arena_take(regex->arena, 1, size);
    size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    if (regex->space == NULL || size > SPACE_BYTES - regex->space_used)
        return NULL;
    taken = regex->space + regex->space_used;
    regex->space_used += size;
    return taken;
}

static void keep_memory(void *block, void *context)
{
    (void)block;
    (void)context;
}

/* Called before each item of the expression that is tried. PCRE2's own limit counts from each
 * position in the text anew, and not the bytes that a repeated item runs over. */
static int count_step(pcre2_callout_block *block, void *context)
{
    struct regex *regex = context;
    size_t position = block->current_position;

    regex->steps +=
        1 + (position > regex->position ? position - regex->position : regex->position - position);
    regex->position = position;
    return regex->steps > regex->steps_max ? PCRE2_ERROR_CALLOUT : 0;
}

static bool prepare(struct regex *regex, pcre2_general_context *general)
{
    regex->match_context = pcre2_match_context_create(general);
    regex->match_data = pcre2_match_data_create(1, general);
    regex->space = arena_take(regex->arena, 1, SPACE_BYTES);
    if (regex->match_context == NULL || regex->match_data == NULL || regex->space == NULL)
        return false;
    pcre2_set_match_limit(regex->match_context, PATTERN_STEPS_MAX);
    pcre2_set_heap_limit(regex->match_context, PATTERN_NESTING_KB);
    pcre2_set_callout(regex->match_context, count_step, regex);
    return true;
}

static const char *explain(int code, struct arena *arena)
{
    char *text = arena_take(arena, PROBLEM_BYTES, 1);

    if (text == NULL)
        return NULL;
    (void)pcre2_get_error_message(code, (unsigned char *)text, PROBLEM_BYTES);
    return text;
}

static enum rc compile(struct pattern *pattern, struct arena *arena, size_t *offset,
                       const char **problem)
{
    struct regex *regex = arena_take(arena, 1, sizeof(*regex));
    pcre2_general_context *general;
    pcre2_compile_context *context;
    int code = 0;

    if (regex == NULL)
        return arena->rc;
    regex->arena = arena;
    general = pcre2_general_context_create(take_memory, keep_memory, regex);
    context = general != NULL ? pcre2_compile_context_create(general) : NULL;
    if (context == NULL)
        return arena->rc;
    regex->code = pcre2_compile((const unsigned char *)pattern->text.data, pattern->text.size,
                                PCRE2_AUTO_CALLOUT | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code,
                                offset, context);
    if (regex->code == NULL && arena->rc == RC_OK) {
        *problem = explain(code, arena);
        return *problem != NULL ? RC_MALFORMED : arena->rc;
    }
    if (regex->code == NULL || !prepare(regex, general))
        return arena->rc;
    regex->arena = NULL;
    pattern->compiled = regex;
    return RC_OK;
}

enum rc pattern_compile(struct pattern *pattern, enum pattern_kind kind, struct slice text,
                        struct arena *arena, size_t *offset, const char **problem)
{
    struct pattern made = {.kind = kind, .text = arena_copy(arena, text)};

    if (made.text.data == NULL)
        return arena->rc;
    if (kind == PATTERN_REGEX)
        TRY(compile(&made, arena, offset, problem));
    *pattern = made;
    return RC_OK;
}

static bool regex_matches(struct pattern *pattern, struct slice text)
{
    struct regex *regex = pattern->compiled;
    const char *data = text.data != NULL ? text.data : "";
    int rc;

    regex->steps = 0;
    regex->position = 0;
    regex->steps_max = PATTERN_STEPS_MAX + PATTERN_STEPS_PER_BYTE * (uint64_t)text.size;
    rc = pcre2_match(regex->code, (const unsigned char *)data, text.size, 0, 0, regex->match_data,
                     regex->match_context);
    pattern->gave_up += rc < 0 && rc != PCRE2_ERROR_NOMATCH;
    return rc >= 0;
}

bool pattern_matches(struct pattern *pattern, struct slice text)
{
    switch (pattern->kind) {
    case PATTERN_EQUALS:
        return slice_is(text, pattern->text);
    case PATTERN_GLOB:
        return slice_glob(pattern->text, text);
    case PATTERN_REGEX:
        return regex_matches(pattern, text);
    }
    return false;
}
