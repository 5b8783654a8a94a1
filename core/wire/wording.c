#include "wire/wording.h"

#include <assert.h>

#include "wire/json.h"
#include "wire/limit_headers.h"

/* --- writing ---------------------------------------------------------------------------------- */

static const struct wording *first_of(const struct wording *rows, enum outcome failure)
{
    for (; rows->type != NULL; rows++)
        if (rows->failure == failure)
            return rows;
    return NULL;
}

const struct wording *wording_find(const struct wording *rows, enum outcome failure,
                                   uint16_t status)
{
    const struct wording *usual = first_of(rows, failure);

    if (usual == NULL)
        usual = first_of(rows, OUTCOME_SERVER_ERROR);
    assert(usual != NULL);
    for (const struct wording *row = rows; row->type != NULL; row++)
        if (row->failure == failure && row->status == status)
            return row;
    return usual;
}

const struct wording *wording_of_limit(const struct wording *rows, struct slice limit_name)
{
    while (rows->sign != NULL && !slice_is(limit_name, slice_of(rows->sign)))
        rows++;
    return rows;
}

/* "{limit}": what stands there is a count, or words. */
static bool write_words(struct slice name, const struct refusal *refusal, struct buffer *out)
{
    if (slice_is(name, SLICE("model")))
        json_write_part(out, refusal->model);
    else if (slice_is(name, SLICE("limit_name")))
        json_write_part(out, refusal->limit_name);
    else if (slice_is(name, SLICE("delay")))
        limit_write_go_duration(refusal->retry_delay, out);
    else
        return false;
    return true;
}

static uint64_t count_of(struct slice name, const struct refusal *refusal)
{
    if (slice_is(name, SLICE("input")))
        return refusal->input_tokens;
    if (slice_is(name, SLICE("window")))
        return refusal->context_window;
    if (slice_is(name, SLICE("limit")))
        return refusal->limit;
    assert(slice_is(name, SLICE("asked")));
    return refusal->asked;
}

static void write_value(struct slice name, const struct refusal *refusal, struct buffer *out)
{
    if (!write_words(name, refusal, out))
        buffer_u64(out, count_of(name, refusal));
}

void wording_write_message(const struct wording *wording, const struct refusal *refusal,
                           struct buffer *out)
{
    struct slice rest = slice_of(wording->message);
    struct slice part;

    if (refusal->message.size > 0) {
        json_write_text(out, refusal->message);
        return;
    }
    buffer_byte(out, '"');
    while (slice_cut(&rest, '{', &part)) {
        json_write_part(out, part);
        if (slice_cut(&rest, '}', &part))
            write_value(part, refusal, out);
    }
    buffer_byte(out, '"');
}

void wording_write_name(const char *name, struct buffer *out)
{
    if (name == NULL)
        buffer_append(out, SLICE("null"));
    else
        json_write_text(out, slice_of(name));
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum outcome by_code(const struct wording *rows, const struct json_token *code)
{
    for (; rows->type != NULL; rows++)
        if (rows->code != NULL && shape_is(code, slice_of(rows->code)))
            return rows->failure;
    return OUTCOME_OK;
}

/* Signs hold nothing that JSON would escape, so both are searched as written. */
static enum outcome by_sign(const struct wording *rows, const struct complaint *complaint)
{
    for (; rows->type != NULL; rows++)
        if (rows->sign != NULL && (slice_has(complaint->message.raw, slice_of(rows->sign)) ||
                                   slice_has(complaint->details, slice_of(rows->sign))))
            return rows->failure;
    return OUTCOME_OK;
}

static enum outcome by_type(const struct wording *rows, const struct json_token *type)
{
    for (; rows->type != NULL; rows++)
        if (shape_is(type, slice_of(rows->type)))
            return rows->failure;
    return OUTCOME_OK;
}

/* Gateways put the status they got into the error object: {"code":502}. */
static enum outcome by_number(const struct json_token *code)
{
    uint64_t status;

    if (code->raw.data == NULL || code->kind != JSON_NUMBER)
        return OUTCOME_OK;
    if (json_u64(code, &status) != RC_OK || status < 400 || status > 599)
        return OUTCOME_OK;
    return wording_outcome((uint16_t)status);
}

enum outcome wording_read(const struct wording *rows, const struct complaint *complaint)
{
    enum outcome told = by_code(rows, &complaint->code);

    if (told == OUTCOME_OK)
        told = by_sign(rows, complaint);
    if (told == OUTCOME_OK)
        told = by_type(rows, &complaint->type);
    if (told == OUTCOME_OK)
        told = by_number(&complaint->code);
    return told;
}

enum outcome wording_outcome(uint16_t status)
{
    switch (status) {
    case 401:
    case 403:
        return OUTCOME_AUTH;
    case 402:
        return OUTCOME_QUOTA;
    case 408:
    case 409:
        return OUTCOME_SERVER_ERROR;
    case 429:
        return OUTCOME_RATE_LIMITED;
    case 503:
    case 529:
        return OUTCOME_OVERLOADED;
    default:
        break;
    }
    if (status >= 500)
        return OUTCOME_SERVER_ERROR;
    return status >= 400 ? OUTCOME_INVALID_REQUEST : OUTCOME_MALFORMED;
}
