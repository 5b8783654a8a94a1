#include "engine/service_answer.h"

#include "wire/json_pointer.h"
#include "wire/shape.h"
#include "wire/wording.h"

void service_answer_init(struct service_answer *s, const struct memory *memory,
                         size_t text_bytes_max)
{
    *s = (struct service_answer){0};
    buffer_init(&s->text, memory, text_bytes_max);
}

void service_answer_deinit(struct service_answer *s)
{
    buffer_deinit(&s->text);
}

void service_answer_begin(struct service_answer *s)
{
    s->words = (struct words_reader){0};
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void hear(struct service_answer *s, const struct json_token *token)
{
    if (!token->has_escapes) {
        words_reader_feed(&s->words, token->raw);
        return;
    }
    buffer_clear(&s->text);
    json_text(token, &s->text);
    words_reader_feed(&s->words, buffer_slice(&s->text));
}

/* Every text that the pointer leads to. How many bytes they have, as written. */
static enum rc hear_at(struct service_answer *s, struct slice json, struct slice pointer,
                       size_t *bytes)
{
    struct json_walk walk;
    struct json_token token;
    enum rc rc;

    *bytes = 0;
    json_walk_init(&walk, json, pointer);
    while ((rc = json_walk_next(&walk, &token)) == RC_OK) {
        if (token.kind != JSON_STRING)
            continue;
        hear(s, &token);
        *bytes += token.raw.size;
    }
    return rc == RC_END ? RC_OK : rc;
}

/* Where the formats have their text. That format_read_... could read it was seen before. */
static void hear_format(struct service_answer *s, struct slice json,
                        const struct slice pointers[API_COUNT])
{
    size_t bytes;

    (void)hear_at(s, json, pointers[s->rules->speaks], &bytes);
}

/* --- JSON of its own -------------------------------------------------------------------------- */

static bool is_something(const struct json_token *token)
{
    return token->kind != JSON_NULL && token->kind != JSON_FALSE;
}

/* The error of an object that has one. */
static bool find_complaint(struct slice json, struct answer *answer)
{
    static const struct slice messages[] = {SHAPE_NAME("/error/message"), SHAPE_NAME("/error"),
                                            SHAPE_NAME("/detail"), SHAPE_NAME("/message")};
    struct json_token token;

    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        if (!json_find(json, messages[i], &token) || token.kind != JSON_STRING)
            continue;
        shape_copy(&token, answer->error_message, sizeof(answer->error_message));
        break;
    }
    return json_find(json, SLICE("/error"), &token) && is_something(&token);
}

static void take_text(size_t bytes, struct answer *answer, struct answer_step *step)
{
    step->has_token = step->has_content = bytes > 0;
    answer->has_output |= bytes > 0;
    answer->content_bytes += bytes;
    answer->content_events += bytes > 0;
}

static void complete(struct answer *answer)
{
    answer->is_complete = true;
    if (!answer->has_output && answer->failure == OUTCOME_OK)
        answer->failure = OUTCOME_EMPTY;
}

static bool is_last(const struct service_rules *rules, struct slice json)
{
    struct json_token token;

    return rules->ends_at.size > 0 && json_find(json, rules->ends_at, &token) &&
           is_something(&token);
}

static enum rc read_own_event(struct service_answer *s, const struct sse_event *event,
                              struct answer *answer, struct answer_step *step)
{
    const struct service_rules *rules = s->rules;
    size_t bytes;
    enum rc rc;

    if (rules->done.size > 0 && slice_is(slice_trim(event->data), rules->done)) {
        complete(answer);
        step->is_end = true;
        return RC_OK;
    }
    rc = hear_at(s, event->data, rules->delta, &bytes);
    if (rc != RC_OK) /* a farewell in other words does no harm */
        return answer->is_complete ? RC_OK : rc;
    take_text(bytes, answer, step);
    if (bytes == 0 &&
        (find_complaint(event->data, answer) || slice_is(event->name, SLICE("error"))))
        answer->failure = OUTCOME_STREAM_ERROR;
    step->is_end = is_last(rules, event->data);
    if (step->is_end)
        complete(answer);
    return RC_OK;
}

static enum rc read_own_body(struct service_answer *s, struct slice body, struct answer *answer)
{
    struct answer_step step;
    size_t bytes;

    TRY(hear_at(s, body, s->rules->answer, &bytes));
    take_text(bytes, answer, &step);
    if (bytes == 0 && find_complaint(body, answer))
        answer->failure = OUTCOME_SERVER_ERROR;
    complete(answer);
    return RC_OK;
}

/* --- either ----------------------------------------------------------------------------------- */

enum rc service_answer_event(struct service_answer *s, const struct sse_event *event,
                             struct answer *answer, struct answer_step *step)
{
    /* Of Responses other deltas than text stand there too; none of them has numbered words. */
    static const struct slice texts[API_COUNT] = {
        [API_ANTHROPIC] = SHAPE_NAME("/delta/text"),
        [API_OPENAI_CHAT] = SHAPE_NAME("/choices/*/delta/content"),
        [API_OPENAI_RESPONSES] = SHAPE_NAME("/delta"),
        [API_GEMINI] = SHAPE_NAME("/candidates/*/content/parts/*/text"),
    };

    if (s->rules->is_plain)
        return read_own_event(s, event, answer, step);
    TRY(format_read_event(s->rules->speaks, event->name, event->data, answer, step));
    if (step->has_content)
        hear_format(s, event->data, texts);
    return RC_OK;
}

enum rc service_answer_body(struct service_answer *s, struct slice body, struct answer *answer)
{
    static const struct slice texts[API_COUNT] = {
        [API_ANTHROPIC] = SHAPE_NAME("/content/*/text"),
        [API_OPENAI_CHAT] = SHAPE_NAME("/choices/*/message/content"),
        [API_OPENAI_RESPONSES] = SHAPE_NAME("/output/*/content/*/text"),
        [API_GEMINI] = SHAPE_NAME("/candidates/*/content/parts/*/text"),
    };

    if (s->rules->is_plain)
        return read_own_body(s, body, answer);
    TRY(format_read_answer(s->rules->speaks, body, answer));
    hear_format(s, body, texts);
    return RC_OK;
}

enum outcome service_answer_error(const struct service_answer *s, uint16_t status,
                                  struct slice body, struct answer *answer)
{
    if (!s->rules->is_plain)
        return format_read_error(s->rules->speaks, status, body, answer);
    if (!find_complaint(body, answer) && answer->error_message[0] == '\0')
        slice_copy(slice_trim(body), answer->error_message, sizeof(answer->error_message));
    answer->failure = wording_outcome(status);
    return answer->failure;
}

void service_answer_is_over(const struct service_answer *s, struct answer *answer)
{
    const struct service_rules *rules = s->rules;

    if (rules->is_plain && rules->done.size == 0 && rules->ends_at.size == 0)
        complete(answer);
}

struct heard service_answer_heard(struct service_answer *s)
{
    words_reader_end(&s->words);
    return (struct heard){
        .is_checked = s->words.words > 0,
        .request = s->words.request,
        .words = s->words.words,
        .repeated = s->words.repeated,
        .missing = s->words.missing,
        .marks = s->words.marks,
    };
}
