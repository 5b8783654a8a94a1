#include "engine/hooks.h"

static bool find_hook(const struct http_request *http, enum hook_kind *hook)
{
    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++) {
        if (slice_is(http->path, hook_kind_path((enum hook_kind)kind))) {
            *hook = (enum hook_kind)kind;
            return slice_is(http->method, SLICE("POST"));
        }
    }
    return false;
}

static uint32_t attempt_of(const struct http_request *http)
{
    uint64_t attempt;

    if (!slice_u64(http_header_of(http, SLICE("x-brownout-attempt")), &attempt))
        return 0;
    return attempt <= UINT32_MAX ? (uint32_t)attempt : 0;
}

struct hook_reply hooks_receive(const struct http_request *http, struct journal_record *record)
{
    struct slice alert = http_header_of(http, SLICE("x-brownout-alert"));
    struct hook_answer answer = {0};

    record->is_hook = true;
    record->attempt = attempt_of(http);
    record->answered = OUTCOME_INVALID_REQUEST;
    slice_copy(alert, record->alert, sizeof(record->alert));
    if (!find_hook(http, &record->hook))
        return (struct hook_reply){404, SLICE("text/plain"), SLICE("no_such_hook")};
    hook_receive(record->hook, http->body, &answer);
    record->is_hook_valid = answer.is_valid;
    if (answer.is_valid)
        record->answered = OUTCOME_OK;
    if (alert.size == 0)
        slice_copy(slice_of(answer.key), record->alert, sizeof(record->alert));
    return (struct hook_reply){answer.status, slice_of(answer.content_type), slice_of(answer.body)};
}
