#include "wire/gemini_refusal.h"

#include "wire/json.h"
#include "wire/words.h"

#define EXHAUSTED                                                                            \
    "You exceeded your current quota, please check your plan and billing details. For more " \
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."

/* clang-format off */
const struct wording gemini_wording[] = {
    {OUTCOME_INVALID_REQUEST, 400, "INVALID_ARGUMENT", NULL, NULL,
     "Request contains an invalid argument.", NULL},
    {OUTCOME_INVALID_REQUEST, 404, "NOT_FOUND", NULL, NULL,
     "models/{model} is not found for API version v1beta, or is not supported for generateContent. "
     "Call ListModels to see the list of available models and their supported methods.", NULL},
    {OUTCOME_INVALID_REQUEST, 413, "INVALID_ARGUMENT", NULL, NULL,
     "Request payload size exceeds the limit: 20971520 bytes.", NULL},
    {OUTCOME_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL, EXHAUSTED, NULL},
    {OUTCOME_OVERLOADED, 503, "UNAVAILABLE", NULL, NULL,
     "The model is overloaded. Please try again later.", NULL},
    {OUTCOME_SERVER_ERROR, 500, "INTERNAL", NULL, NULL,
     "An internal error has occurred. Please retry or report in "
     "https://developers.generativeai.google/guide/troubleshooting", NULL},
    {OUTCOME_SERVER_ERROR, 504, "DEADLINE_EXCEEDED", NULL, NULL,
     "Deadline expired before operation could complete.", NULL},
    {OUTCOME_SERVER_ERROR, 499, "CANCELLED", NULL, NULL, "The operation was cancelled.", NULL},
    {OUTCOME_SERVER_ERROR, 409, "ABORTED", NULL, NULL, "The operation was aborted.", NULL},
    {OUTCOME_AUTH, 400, "INVALID_ARGUMENT", NULL, NULL,
     "API key not valid. Please pass a valid API key.", "API key not valid"},
    {OUTCOME_AUTH, 401, "UNAUTHENTICATED", NULL, NULL,
     "Request had invalid authentication credentials.", NULL},
    {OUTCOME_AUTH, 403, "PERMISSION_DENIED", NULL, NULL,
     "The caller does not have permission.", NULL},
    {OUTCOME_CONTEXT_LENGTH, 400, "INVALID_ARGUMENT", NULL, NULL,
     "The input token count ({input}) exceeds the maximum number of tokens allowed ({window}).",
     "exceeds the maximum number of tokens allowed"},
    {OUTCOME_QUOTA, 429, "RESOURCE_EXHAUSTED", NULL, NULL, EXHAUSTED, "PerDay"},
    {OUTCOME_CONTENT_POLICY, 400, "INVALID_ARGUMENT", NULL, NULL,
     "The request was blocked by safety settings.", "blocked by safety settings"},
    {OUTCOME_CONTENT_POLICY, 200, "PROHIBITED_CONTENT", NULL, NULL, "", NULL},
    /* only read: an earlier row is written for the same failure and status */
    {OUTCOME_CONTENT_POLICY, 200, "SAFETY", NULL, NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 200, "OTHER", NULL, NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 200, "BLOCKLIST", NULL, NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 200, "IMAGE_SAFETY", NULL, NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 200, "MODEL_ARMOR", NULL, NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 200, "JAILBREAK", NULL, NULL, NULL, NULL},
    {OUTCOME_INVALID_REQUEST, 400, "FAILED_PRECONDITION", NULL, NULL, NULL, NULL},
    {0},
};
/* clang-format on */

#define EXCEEDED(metric)                                                                 \
    EXHAUSTED "\n* Quota exceeded for metric: generativelanguage.googleapis.com/" metric \
              ", limit: {limit}"

const struct wording gemini_limit_wording[] = {
    {OUTCOME_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL,
     EXCEEDED("generate_content_free_tier_requests") "\nPlease retry in {delay}.", "requests"},
    {OUTCOME_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL,
     EXCEEDED("generate_content_free_tier_input_token_count") "\nPlease retry in {delay}.", NULL},
    {0},
};

/* More than the whole limit: no delay would help. */
const struct wording gemini_hopeless_wording[] = {
    {OUTCOME_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL,
     EXCEEDED("generate_content_free_tier_input_token_count"), NULL},
    {0},
};

/* Which quota a refusal is about. One per day cannot be waited for. */
struct quota {
    struct slice metric;
    struct slice id;
};

static struct quota quota_of(const struct refusal *refusal)
{
    static const struct quota daily = {SHAPE_NAME("generate_content_free_tier_requests"),
                                       SHAPE_NAME("GenerateRequestsPerDayPerProjectPerModel")};
    static const struct quota tokens = {SHAPE_NAME("generate_content_free_tier_input_token_count"),
                                        SHAPE_NAME("GenerateContentInputTokensPerModelPerMinute")};
    static const struct quota requests = {
        SHAPE_NAME("generate_content_free_tier_requests"),
        SHAPE_NAME("GenerateRequestsPerMinutePerProjectPerModel")};

    if (refusal->failure == OUTCOME_QUOTA)
        return daily;
    return slice_has(refusal->limit_name, SLICE("tokens")) ? tokens : requests;
}

static void write_quota_failure(const struct refusal *refusal, struct buffer *out)
{
    struct quota quota = quota_of(refusal);

    buffer_append(out, SLICE("{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\","
                             "\"violations\":[{\"quotaMetric\":"
                             "\"generativelanguage.googleapis.com/"));
    buffer_append(out, quota.metric);
    buffer_append(out, SLICE("\",\"quotaId\":\""));
    buffer_append(out, quota.id);
    buffer_append(out, SLICE("-FreeTier\",\"quotaDimensions\":{\"location\":\"global\","
                             "\"model\":"));
    json_write_text(out, refusal->model);
    buffer_append(out, SLICE("},\"quotaValue\":\""));
    buffer_u64(out, refusal->limit > 0 ? refusal->limit : 10);
    buffer_append(out, SLICE("\"}]},{\"@type\":\"type.googleapis.com/google.rpc.Help\",\"links\":"
                             "[{\"description\":\"Learn more about Gemini API quotas\",\"url\":"
                             "\"https://ai.google.dev/gemini-api/docs/rate-limits\"}]}"));
}

/* A span as protocol buffers write it: seconds with as much of a fraction as there is. */
static void write_seconds(nanos span, struct buffer *out)
{
    char fraction[] = ".000000000";
    uint64_t rest = (uint64_t)(span % NANOS_S);
    size_t size = rest > 0 ? sizeof(fraction) - 1 : 0;

    for (size_t at = sizeof(fraction) - 1; at > 1; rest /= 10)
        fraction[--at] = (char)('0' + rest % 10);
    while (size > 0 && fraction[size - 1] == '0')
        size--;
    buffer_i64(out, span / NANOS_S);
    buffer_append(out, (struct slice){fraction, size});
    buffer_byte(out, 's');
}

static void write_retry_info(nanos delay, struct buffer *out)
{
    buffer_append(out, SLICE("{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                             "\"retryDelay\":\""));
    write_seconds(delay, out);
    buffer_append(out, SLICE("\"}"));
}

static void write_details(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    bool is_key = words->failure == OUTCOME_AUTH && words->status == 400;
    bool is_quota = words->status == 429;

    if (is_key)
        buffer_append(out, SLICE(",\"details\":[{\"@type\":"
                                 "\"type.googleapis.com/google.rpc.ErrorInfo\","
                                 "\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\","
                                 "\"metadata\":{\"service\":"
                                 "\"generativelanguage.googleapis.com\"}}]"));
    if (is_key || (!is_quota && refusal->retry_delay <= 0))
        return;
    buffer_append(out, SLICE(",\"details\":["));
    if (is_quota)
        write_quota_failure(refusal, out);
    if (is_quota && refusal->retry_delay > 0)
        buffer_byte(out, ',');
    if (refusal->retry_delay > 0)
        write_retry_info(refusal->retry_delay, out);
    buffer_byte(out, ']');
}

/* The object, without what frames it. */
static void write_error(const struct refusal *refusal, const struct wording *words,
                        struct buffer *out)
{
    buffer_append(out, SLICE("{\"error\":{\"code\":"));
    buffer_u64(out, refusal->status >= 400 ? refusal->status : words->status);
    buffer_append(out, SLICE(",\"message\":"));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE(",\"status\":"));
    wording_write_name(words->type, out);
    write_details(refusal, words, out);
    buffer_append(out, SLICE("}}"));
}

static void write_blocked(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    buffer_append(out, SLICE("{\"promptFeedback\":{\"blockReason\":"));
    wording_write_name(words->type, out);
    buffer_append(out, SLICE("},\"usageMetadata\":{\"promptTokenCount\":"));
    buffer_u64(out, refusal->input_tokens);
    buffer_append(out, SLICE(",\"totalTokenCount\":"));
    buffer_u64(out, refusal->input_tokens);
    buffer_byte(out, '}');
    buffer_append(out, SLICE(",\"modelVersion\":"));
    json_write_text(out, refusal->model);
    buffer_append(out, SLICE(",\"responseId\":\""));
    words_write_id(out, SLICE(""), refusal->run_tag, refusal->request_number);
    buffer_append(out, SLICE("\"}"));
}

void gemini_write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    if (words->status == 200)
        write_blocked(refusal, words, out);
    else
        write_error(refusal, words, out);
}
