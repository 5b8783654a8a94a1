#include "wire/openai_words.h"

/* clang-format off */
const struct wording openai_wording[] = {
    {OUTCOME_INVALID_REQUEST, 400, "invalid_request_error", NULL, NULL, "Invalid request.", NULL},
    {OUTCOME_INVALID_REQUEST, 404, "invalid_request_error", "model_not_found", NULL,
     "The model `{model}` does not exist or you do not have access to it.", NULL},
    {OUTCOME_INVALID_REQUEST, 413, "invalid_request_error", NULL, NULL,
     "Maximum content size limit exceeded", NULL},
    {OUTCOME_RATE_LIMITED, 429, "requests", "rate_limit_exceeded", NULL,
     "Rate limit reached for {model} in organization org-brownout on requests per min (RPM): "
     "Limit 500, Used 500, Requested 1. Please try again later.", NULL},
    {OUTCOME_OVERLOADED, 503, "service_unavailable_error", "server_is_overloaded", NULL,
     "Our servers are currently overloaded. Please try again later.", NULL},
    {OUTCOME_SERVER_ERROR, 500, "server_error", NULL, NULL,
     "The server had an error while processing your request. Sorry about that!", NULL},
    {OUTCOME_AUTH, 401, "invalid_request_error", "invalid_api_key", NULL,
     "Incorrect API key provided.", NULL},
    {OUTCOME_AUTH, 403, "request_forbidden", "unsupported_country_region_territory", NULL,
     "Country, region, or territory not supported", NULL},
    {OUTCOME_CONTEXT_LENGTH, 400, "invalid_request_error", "context_length_exceeded", "messages",
     "This model's maximum context length is {window} tokens. However, your messages resulted in "
     "{input} tokens. Please reduce the length of the messages.", NULL},
    {OUTCOME_QUOTA, 429, "insufficient_quota", "insufficient_quota", NULL,
     "You exceeded your current quota, please check your plan and billing details.", NULL},
    {OUTCOME_CONTENT_POLICY, 400, "invalid_request_error", "content_policy_violation", NULL,
     "Your request was rejected as a result of our safety system.", NULL},
    /* only read: an earlier row is written for the same failure and status */
    {OUTCOME_RATE_LIMITED, 429, "tokens", "rate_limit_exceeded", NULL, NULL, NULL},
    {OUTCOME_RATE_LIMITED, 429, "rate_limit_error", "slow_down", NULL, NULL, NULL},
    {OUTCOME_SERVER_ERROR, 500, "server_error", "server_error", NULL, NULL, NULL}, /* Responses */
    {OUTCOME_AUTH, 401, "authentication_error", NULL, NULL, NULL, NULL},
    {OUTCOME_QUOTA, 429, "insufficient_quota", "credit_balance_exhausted", NULL, NULL, NULL},
    {OUTCOME_QUOTA, 429, "insufficient_quota", "organization_spend_limit_exceeded", NULL, NULL, NULL},
    {OUTCOME_QUOTA, 429, "insufficient_quota", "project_spend_limit_exceeded", NULL, NULL, NULL},
    {OUTCOME_QUOTA, 429, "insufficient_quota", "organization_usage_limit_exceeded", NULL, NULL, NULL},
    {OUTCOME_CONTENT_POLICY, 400, "invalid_request_error", "content_filter", NULL, NULL, NULL},
    {0},
};

#define REACHED(what, unit) \
    "Rate limit reached for {model} in organization org-brownout on " what " (" unit "): " \
    "Limit {limit}, Used {limit}, Requested {asked}. Please try again in {delay}."
#define TOO_LARGE(what, unit) \
    "Request too large for {model} in organization org-brownout on " what " (" unit "): " \
    "Limit {limit}, Requested {asked}. The input or output tokens must be reduced in order to " \
    "run successfully."

const struct wording openai_limit_wording[] = {
    {OUTCOME_RATE_LIMITED, 429, "requests", "rate_limit_exceeded", NULL,
     REACHED("requests per min", "RPM"), "requests"},
    {OUTCOME_RATE_LIMITED, 429, "tokens", "rate_limit_exceeded", NULL,
     REACHED("tokens per min", "TPM"), NULL},
    {0},
};

const struct wording openai_hopeless_wording[] = {
    {OUTCOME_RATE_LIMITED, 429, "requests", "rate_limit_exceeded", NULL,
     TOO_LARGE("requests per min", "RPM"), "requests"},
    {OUTCOME_RATE_LIMITED, 429, "tokens", "rate_limit_exceeded", NULL,
     TOO_LARGE("tokens per min", "TPM"), NULL},
    {0},
};
/* clang-format on */

/* Param and code belong to the usual message: a wrong path is no model_not_found. */
struct error_words {
    const char *type, *param, *code;
};

static struct error_words words_of(const struct refusal *refusal, const struct wording *words)
{
    if (refusal->message.size > 0)
        return (struct error_words){words->type, refusal->param, refusal->code};
    return (struct error_words){words->type, words->param, words->code};
}

/* Laid out over lines, as the service does: a captured body has exactly this size. */
void openai_write_refusal(const struct refusal *refusal, const struct wording *words,
                          struct buffer *out)
{
    struct error_words error = words_of(refusal, words);

    buffer_append(out, SLICE("{\n  \"error\": {\n    \"message\": "));
    wording_write_message(words, refusal, out);
    buffer_append(out, SLICE(",\n    \"type\": "));
    wording_write_name(error.type, out);
    buffer_append(out, SLICE(",\n    \"param\": "));
    wording_write_name(error.param, out);
    buffer_append(out, SLICE(",\n    \"code\": "));
    wording_write_name(error.code, out);
    buffer_append(out, SLICE("\n  }\n}"));
}

/* --- objections ------------------------------------------------------------------------------- */

bool openai_says(struct objection *objection, const char *param, const char *code)
{
    objection->param = param;
    objection->code = code;
    return true;
}

bool openai_objects_to_limit(const struct asked *asked, const char *name,
                             struct objection *objection)
{
    bool is_zero = asked->has_output_tokens_max && asked->output_tokens_max == 0;

    if (asked->odd_output_tokens_max != NULL) {
        objection_say(objection, "Invalid type for '%s': expected an integer, but got %s instead.",
                      name, asked->odd_output_tokens_max);
        return openai_says(objection, name, "invalid_type");
    }
    if (!is_zero && !asked->has_negative_output_tokens_max)
        return false;
    objection_say(objection,
                  "Invalid '%s': integer below minimum value. Expected a value >= 1, but got %s "
                  "instead.",
                  name, is_zero ? "0" : "a negative one");
    return openai_says(objection, name, "integer_below_min_value");
}
