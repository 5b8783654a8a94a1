#include "engine/hooks.h"

#include "base/checksum.h"

static const struct limits SERVICE_LIMITS[HOOK_KINDS_COUNT] = {
    [HOOK_SLACK] = {.of[LIMIT_REQUESTS] = {.amount = 1, .per = NANOS_S, .burst = 10}},
    [HOOK_DISCORD] = {.of[LIMIT_REQUESTS] = {.amount = 5, .per = 2 * NANOS_S}},
};

/* --- reading the post ------------------------------------------------------------------------- */

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

/* --- rate limits ------------------------------------------------------------------------------ */

static struct limiter *limiter_of(struct hooks *hooks, enum hook_kind kind, struct slice isolation)
{
    uint64_t hash = checksum(0, isolation);
    uint32_t there = hooks->count < HOOK_RECEIVERS_MAX ? hooks->count : HOOK_RECEIVERS_MAX;
    struct hook_receiver *receiver;

    for (uint32_t i = 0; i < there; i++)
        if (hooks->receivers[i].kind == kind && hooks->receivers[i].isolation == hash)
            return &hooks->receivers[i].limiter;
    receiver = &hooks->receivers[hooks->count++ % HOOK_RECEIVERS_MAX];
    *receiver = (struct hook_receiver){.kind = kind, .isolation = hash};
    limiter_init(&receiver->limiter, &SERVICE_LIMITS[kind]);
    return &receiver->limiter;
}

static nanos round_up(nanos span, nanos unit)
{
    return (span + unit - 1) / unit * unit;
}

/* The service's own refusal of one post too many. */
static void limit(struct hooks *hooks, const struct hook_post *post, struct plan *plan,
                  struct hook_reply *reply, struct journal_record *record)
{
    struct limiter *limiter;
    struct limiter_verdict verdict;

    if (!limits_any(&SERVICE_LIMITS[reply->kind]))
        return;
    limiter = limiter_of(hooks, reply->kind, post->isolation);
    limiter_take(limiter, 0, 0, post->at, &verdict);
    reply->limit = limiter_state(limiter, LIMIT_REQUESTS, post->at);
    if (verdict.is_admitted)
        return;
    plan->kind = PLAN_REFUSAL;
    plan->failure = OUTCOME_RATE_LIMITED;
    plan->status = 429;
    plan->advice = PLAN_ADVICE_SECONDS;
    plan->advice_wait = round_up(verdict.wait, NANOS_S); /* the header knows whole seconds */
    reply->wait = verdict.wait;
    record->is_limited = true;
    record->limited_by = LIMIT_REQUESTS;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* A hook is a model of the provider "hooks" that says one word at once. */
static void decide(const struct hook_post *post, enum hook_kind kind, struct slice alert,
                   uint32_t attempt, struct plan *plan)
{
    struct model model = {.tokens_per_s = 1e9, .tokens_per_event = 1, .context_window = UINT64_MAX};
    struct attempt_facts facts = {
        .provider = SLICE("hooks"),
        .model = &model,
        .call = alert,
        .attempt = attempt > 0 ? attempt : 1,
        .output_tokens = 1,
        .output_tokens_max = UINT64_MAX,
        .isolation = post->isolation,
        .conditions_failed = post->conditions_failed,
        .memory = post->memory,
    };

    slice_copy(slice_of(hook_kind_word(kind)), model.name, sizeof(model.name));
    chaos_decide(post->chaos, post->seed, &facts, post->at, plan);
}

static bool is_disturbed(const struct plan *plan)
{
    return plan->kind != PLAN_ANSWER || plan->ending != PLAN_WHOLE;
}

/* --- what is answered ------------------------------------------------------------------------- */

struct words {
    enum hook_kind kind;
    uint16_t status;
    const char *text;
};

/* wire-facts.md §11. Others are told by their reason. */
static const struct words SERVICE_WORDS[] = {
    {HOOK_SLACK, 400, "invalid_payload"},
    {HOOK_SLACK, 403, "action_prohibited"},
    {HOOK_SLACK, 404, "no_service"},
    {HOOK_SLACK, 410, "channel_is_archived"},
    {HOOK_SLACK, 429, "rate_limited"},
    {HOOK_SLACK, 500, "rollup_error"},
    {HOOK_DISCORD, 400, "{\"message\":\"Invalid Form Body\",\"code\":50035}"},
    {HOOK_DISCORD, 401, "{\"message\":\"Invalid Webhook Token\",\"code\":50027}"},
    {HOOK_DISCORD, 404, "{\"message\":\"Unknown Webhook\",\"code\":10015}"},
};

static const char *words_for(enum hook_kind kind, uint16_t status)
{
    for (size_t i = 0; i < sizeof(SERVICE_WORDS) / sizeof(SERVICE_WORDS[0]); i++)
        if (SERVICE_WORDS[i].kind == kind && SERVICE_WORDS[i].status == status)
            return SERVICE_WORDS[i].text;
    return NULL;
}

static void tell(struct hook_reply *reply, struct slice body, struct slice content_type)
{
    reply->is_told = true;
    reply->body = body;
    reply->content_type = content_type;
}

static void refuse(const struct plan *plan, struct hook_reply *reply)
{
    reply->status = plan->status;
    if (plan->status == 429 && reply->wait == 0)
        reply->wait = plan->advice_wait;
    reply->content_type =
        reply->kind == HOOK_SLACK ? SLICE("text/plain") : SLICE("application/json");
}

static void shape_by_rule(const struct plan *plan, struct hook_reply *reply)
{
    if (plan->quirks & QUIRK_BODY)
        tell(reply, plan->fault->body, reply->content_type);
    if (plan->quirks & QUIRK_CONTENT_TYPE)
        reply->content_type = plan->fault->content_type;
}

static void not_found(struct plan *plan, struct hook_reply *reply)
{
    *plan = (struct plan){.kind = PLAN_REFUSAL,
                          .failure = OUTCOME_INVALID_REQUEST,
                          .status = 404,
                          .rule = PLAN_NO_RULE,
                          .tokens_per_event = 1};
    reply->status = 404;
    tell(reply, SLICE("no_such_hook"), SLICE("text/plain"));
}

void hooks_receive(struct hooks *hooks, const struct hook_post *post, struct plan *plan,
                   struct hook_reply *reply, struct journal_record *record)
{
    struct slice alert = http_header_of(post->http, SLICE("x-brownout-alert"));
    struct hook_answer answer = {0};

    *reply = (struct hook_reply){0};
    record->is_hook = true;
    record->kind = JOURNAL_HOOK;
    record->attempt = attempt_of(post->http);
    record->answered = OUTCOME_INVALID_REQUEST;
    slice_copy(alert, record->alert, sizeof(record->alert));
    if (!find_hook(post->http, &record->hook)) {
        not_found(plan, reply);
        return;
    }
    reply->kind = record->hook;
    hook_receive(record->hook, post->http->body, &answer);
    record->is_hook_valid = answer.is_valid;
    if (alert.size == 0)
        slice_copy(slice_of(answer.key), record->alert, sizeof(record->alert));
    if (record->alert[0] == '\0')
        alert_guess_key(post->http->body, record->alert);
    decide(post, reply->kind, slice_of(record->alert), record->attempt, plan);
    if (!is_disturbed(plan))
        limit(hooks, post, plan, reply, record);
    reply->status = answer.status;
    if (plan->kind == PLAN_REFUSAL)
        refuse(plan, reply);
    else
        tell(reply, slice_of(answer.body), slice_of(answer.content_type));
    shape_by_rule(plan, reply);
    if (plan->kind == PLAN_REFUSAL)
        record->answered = plan->failure;
    else if (answer.is_valid)
        record->answered = OUTCOME_OK;
}

/* --- as bytes --------------------------------------------------------------------------------- */

static void write_milliseconds(struct buffer *out, int64_t ms)
{
    buffer_i64(out, ms / 1000);
    buffer_byte(out, '.');
    for (int64_t place = 100; place > 0; place /= 10)
        buffer_byte(out, (char)('0' + ms / place % 10));
}

static void write_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_text(out, name);
    buffer_u64(out, value);
    buffer_text(out, "\r\n");
}

static void write_seconds(struct buffer *out, const char *name, int64_t ns)
{
    buffer_text(out, name);
    write_milliseconds(out, (ns + NANOS_MS - 1) / NANOS_MS);
    buffer_text(out, "\r\n");
}

/* Discord tells its limit with every answer. */
static void write_limit(const struct hook_reply *reply, int64_t wall_unix_ns, struct buffer *out)
{
    write_number(out, "x-ratelimit-limit: ", reply->limit.limit);
    write_number(out, "x-ratelimit-remaining: ", reply->limit.remaining);
    write_seconds(out, "x-ratelimit-reset: ", wall_unix_ns + reply->limit.full_in);
    write_seconds(out, "x-ratelimit-reset-after: ", reply->limit.full_in);
    buffer_text(out, "x-ratelimit-bucket: brownout\r\n");
    if (reply->status == 429)
        buffer_text(out, "x-ratelimit-scope: user\r\n");
}

void hooks_write_headers(const struct hook_reply *reply, int64_t wall_unix_ns, struct buffer *out)
{
    if (reply->content_type.size > 0) {
        buffer_text(out, "content-type: ");
        buffer_append(out, reply->content_type);
        buffer_text(out, "\r\n");
    }
    if (reply->kind == HOOK_DISCORD && reply->limit.is_there)
        write_limit(reply, wall_unix_ns, out);
}

static void write_reason(const struct hook_reply *reply, struct buffer *out)
{
    bool is_json = reply->kind != HOOK_SLACK;

    if (is_json)
        buffer_text(out, "{\"message\":\"");
    buffer_u64(out, reply->status);
    buffer_text(out, ": ");
    buffer_text(out, http1_reason(reply->status));
    if (is_json)
        buffer_text(out, "\",\"code\":0}");
}

void hooks_write_body(const struct hook_reply *reply, struct buffer *out)
{
    const char *words = words_for(reply->kind, reply->status);

    if (reply->is_told) {
        buffer_append(out, reply->body);
    } else if (reply->kind == HOOK_DISCORD && reply->status == 429) {
        buffer_text(out, "{\"message\":\"You are being rate limited.\",\"retry_after\":");
        write_milliseconds(out, round_up(reply->wait, NANOS_MS) / NANOS_MS);
        buffer_text(out, ",\"global\":false}");
    } else if (words != NULL) {
        buffer_text(out, words);
    } else {
        write_reason(reply, out);
    }
}

void hooks_reset(struct hooks *hooks, struct slice isolation)
{
    uint64_t hash = checksum(0, isolation);

    for (uint32_t i = 0; i < HOOK_RECEIVERS_MAX; i++)
        if (isolation.size == 0 || hooks->receivers[i].isolation == hash)
            limiter_init(&hooks->receivers[i].limiter, &SERVICE_LIMITS[hooks->receivers[i].kind]);
}
