#include "engine/answer_reader.h"

#include <string.h>

void reader_init(struct answer_reader *r, const struct memory *memory)
{
    *r = (struct answer_reader){.token_latest_at = NANOS_NEVER};
    sse_init(&r->sse, memory, ANSWER_EVENT_BYTES_MAX);
    buffer_init(&r->body, memory, ANSWER_BYTES_MAX);
    service_answer_init(&r->service, memory, ANSWER_EVENT_BYTES_MAX);
}

void reader_deinit(struct answer_reader *r)
{
    sse_deinit(&r->sse);
    buffer_deinit(&r->body);
    service_answer_deinit(&r->service);
}

static bool is_of_service(const struct answer_reader *r)
{
    return r->service.rules != NULL;
}

/* Services have more words for success than providers; what they say is read all the same. */
static uint16_t status_meant(const struct answer_reader *r, uint16_t status)
{
    return is_of_service(r) && status > 200 && status < 300 ? 200 : status;
}

static bool is_plain(const struct answer_reader *r)
{
    return is_of_service(r) && r->service.rules->is_plain;
}

void reader_begin(struct answer_reader *r, enum api api, bool asked_stream)
{
    r->api = api;
    r->asked_stream = asked_stream;
    if (r->is_stream)
        sse_clear(&r->sse);
    r->is_stream = false;
    r->is_lines = false;
    r->is_told = false;
    r->is_broken = false;
    r->status = 0;
    r->advice = (struct advice){0};
    r->has_advice_header = false;
    r->advice_is_whole = false;
    r->token_latest_at = NANOS_NEVER;
    memset(&r->answer, 0, sizeof(r->answer));
    buffer_clear(&r->body);
    if (is_of_service(r))
        service_answer_begin(&r->service);
}

void reader_head(struct answer_reader *r, const struct answer_head *head, nanos at,
                 int64_t wall_unix_ns, struct attempt_record *record)
{
    uint64_t seconds;

    r->status = status_meant(r, head->status);
    r->advice = answer_head_advice(head, wall_unix_ns);
    r->has_advice_header = head->has_retry_after;
    r->advice_is_whole = slice_u64(slice_trim(slice_of(head->retry_after)), &seconds);
    /* A stream without a content type still is one; JSON in its place is an answer to be read
     * whole. */
    r->is_stream = r->status == 200 && (head->is_stream || (r->asked_stream && !head->is_json));
    r->is_lines = r->is_stream && !head->is_stream && is_plain(r);
    r->token_latest_at = at;
    record->first_byte_at = at;
    record->status = head->status;
    record->advice_form = r->advice.form;
    record->advice_wait = r->advice.wait;
    slice_copy(slice_of(head->request_id), record->request_id, sizeof(record->request_id));
}

static void stamp_content(struct attempt_record *record, nanos at)
{
    if (record->first_content_at == NANOS_NEVER)
        record->first_content_at = at;
    else if (at - record->last_content_at > record->gap_max)
        record->gap_max = at - record->last_content_at;
    record->last_content_at = at;
}

static enum rc read_format_event(struct answer_reader *r, const struct sse_event *event,
                                 struct answer_step *step)
{
    if (is_of_service(r))
        return service_answer_event(&r->service, event, &r->answer, step);
    return format_read_event(r->api, event->name, event->data, &r->answer, step);
}

static void read_event(struct answer_reader *r, const struct sse_event *event, nanos at,
                       struct attempt_record *record)
{
    struct answer_step step = {0};

    if (read_format_event(r, event, &step) != RC_OK) {
        r->is_broken = true;
        return;
    }
    if (step.has_token) {
        r->token_latest_at = at;
        if (record->first_token_at == NANOS_NEVER)
            record->first_token_at = at;
    }
    if (step.has_content)
        stamp_content(record, at);
}

static void read_events(struct answer_reader *r, nanos at, struct attempt_record *record)
{
    struct sse_event event;
    enum rc rc;

    while ((rc = sse_next(&r->sse, &event)) == RC_OK)
        read_event(r, &event, at, record);
    if (rc != RC_AGAIN)
        r->is_broken = true;
}

static void read_line(struct answer_reader *r, struct slice line, nanos at,
                      struct attempt_record *record)
{
    struct sse_event event = {.data = slice_trim(line)};

    if (event.data.size > 0)
        read_event(r, &event, at, record);
}

/* What has no end of line yet waits in `body`. */
static void read_lines(struct answer_reader *r, struct slice bytes, nanos at,
                       struct attempt_record *record)
{
    const char *end;

    while ((end = memchr(bytes.data, '\n', bytes.size)) != NULL) {
        struct slice line = {bytes.data, (size_t)(end - bytes.data)};

        bytes = (struct slice){end + 1, bytes.size - line.size - 1};
        if (r->body.size > 0) {
            buffer_append(&r->body, line);
            line = buffer_slice(&r->body);
        }
        read_line(r, line, at, record);
        r->is_broken |= r->body.rc != RC_OK;
        buffer_clear(&r->body);
        if (bytes.size == 0)
            return;
    }
    buffer_append(&r->body, bytes);
}

/* A whole answer in one body is content once its last byte is there. */
static void stamp_body(struct attempt_record *record, nanos at)
{
    record->first_token_at = at;
    record->first_content_at = at;
    record->last_content_at = at;
}

void reader_body(struct answer_reader *r, struct slice bytes, nanos at,
                 struct attempt_record *record)
{
    if (bytes.size == 0)
        return;
    if (r->is_lines) {
        read_lines(r, bytes, at, record);
        return;
    }
    if (r->is_stream) {
        sse_feed(&r->sse, bytes);
        read_events(r, at, record);
        return;
    }
    r->token_latest_at = at;
    buffer_append(&r->body, bytes);
    if (r->status == 200)
        stamp_body(record, at);
}

static void read_told_head(struct answer_reader *r, const struct told_answer *told, nanos at,
                           struct attempt_record *record)
{
    r->status = told->status;
    r->is_stream = told->piece == TOLD_BEGINS;
    r->token_latest_at = at;
    record->first_byte_at = at;
    record->status = told->status;
    format_tell_request_id(r->api, told->reply.run_tag, told->reply.request_number,
                           record->request_id, sizeof(record->request_id));
}

static void read_told_tokens(struct answer_reader *r, uint64_t tokens, nanos at,
                             struct attempt_record *record)
{
    if (tokens == 0)
        return;
    format_tell_tokens(tokens, &r->answer);
    r->token_latest_at = at;
    if (record->first_token_at == NANOS_NEVER)
        record->first_token_at = at;
    stamp_content(record, at);
}

static void read_told_refusal(struct answer_reader *r, const struct told_answer *told,
                              struct slice model, struct refusals *refusals)
{
    struct refusal refusal = {.failure = told->failure, .status = told->status, .model = model};

    refusals_read(refusals, r->api, told->model, &refusal, &r->answer);
}

void reader_told(struct answer_reader *r, const struct told_answer *told, struct slice model,
                 struct refusals *refusals, nanos at, struct attempt_record *record)
{
    if (told_begins(told->piece))
        read_told_head(r, told, at, record);
    switch (told->piece) {
    case TOLD_BODY:
        format_tell_answer(r->api, &told->reply, &r->answer);
        stamp_body(record, at);
        break;
    case TOLD_REFUSAL:
        read_told_refusal(r, told, model, refusals);
        break;
    case TOLD_BEGINS:
        format_tell_opening(r->api, &told->reply, &r->answer);
        break;
    case TOLD_GOES_ON:
        read_told_tokens(r, told->tokens, at, record);
        break;
    case TOLD_ENDS:
        read_told_tokens(r, told->tokens, at, record);
        format_tell_closing(r->api, &told->reply, &r->answer);
        break;
    }
    r->is_told = told_ends(told->piece);
}

bool reader_is_complete(const struct answer_reader *r)
{
    return r->is_stream && r->answer.is_complete;
}

/* What only the end of its body can tell: that the last line is whole, that there is no more. */
static void end_service_stream(struct answer_reader *r, struct attempt_record *record)
{
    if (r->is_lines && r->body.size > 0)
        read_line(r, buffer_slice(&r->body), r->token_latest_at, record);
    service_answer_is_over(&r->service, &r->answer);
}

static enum outcome end_of_stream(struct answer_reader *r, enum client_end end,
                                  struct attempt_record *record)
{
    if (is_of_service(r) && end == END_WHOLE)
        end_service_stream(r, record);
    if (r->answer.failure != OUTCOME_OK)
        return r->answer.failure;
    if (r->is_broken)
        return OUTCOME_MALFORMED;
    if (r->answer.is_complete)
        return OUTCOME_OK; /* an empty one has told its failure */
    return end == END_RESET ? OUTCOME_RESET_AFTER : OUTCOME_TRUNCATED;
}

static enum rc read_answer(struct answer_reader *r)
{
    if (is_of_service(r))
        return service_answer_body(&r->service, buffer_slice(&r->body), &r->answer);
    return format_read_answer(r->api, buffer_slice(&r->body), &r->answer);
}

static enum outcome end_of_body(struct answer_reader *r, enum client_end end)
{
    if (end == END_RESET)
        return OUTCOME_RESET_AFTER;
    if (end != END_WHOLE)
        return OUTCOME_TRUNCATED;
    if (r->body.rc != RC_OK)
        return OUTCOME_MALFORMED;
    if (read_answer(r) != RC_OK)
        return OUTCOME_MALFORMED;
    return r->answer.failure;
}

static enum outcome end_without_answer(enum client_end end)
{
    switch (end) {
    case END_CONNECT:
        return OUTCOME_CONNECT;
    case END_DNS:
        return OUTCOME_DNS;
    case END_TLS:
        return OUTCOME_TLS;
    case END_WHOLE:
    case END_SHORT:
    case END_RESET:
        break;
    }
    return OUTCOME_RESET_BEFORE;
}

static enum outcome read_refusal(struct answer_reader *r)
{
    if (is_of_service(r))
        return service_answer_error(&r->service, r->status, buffer_slice(&r->body), &r->answer);
    return format_read_error(r->api, r->status, buffer_slice(&r->body), &r->answer);
}

/* A header's advice counts before that of the body. */
static enum outcome end_of_refusal(struct answer_reader *r, struct attempt_record *record)
{
    enum outcome outcome = read_refusal(r);

    if (r->advice.form == ADVICE_NONE && r->answer.retry_delay > 0) {
        r->advice.form = ADVICE_BODY;
        r->advice.wait = r->answer.retry_delay;
        record->advice_form = r->advice.form;
        record->advice_wait = r->advice.wait;
    }
    return outcome;
}

enum outcome reader_end(struct answer_reader *r, enum client_end end, struct attempt_record *record)
{
    enum outcome outcome;

    if (r->is_told)
        return r->answer.failure;
    if (r->status == 0)
        return end_without_answer(end);
    if (r->status >= 400)
        return end_of_refusal(r, record);
    if (r->status != 200)
        return OUTCOME_MALFORMED; /* these services neither redirect nor answer 204 */
    outcome = r->is_stream ? end_of_stream(r, end, record) : end_of_body(r, end);
    record->usage = r->answer.usage;
    return outcome;
}
