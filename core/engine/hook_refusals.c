#include "engine/hook_refusals.h"

#include "wire/http1.h"

static const char *slack_word(uint16_t status)
{
    switch (status) {
    case 400:
        return "invalid_payload";
    case 403:
        return "action_prohibited";
    case 404:
        return "no_service";
    case 410:
        return "channel_is_archived";
    case 429:
        return "rate_limited";
    default:
        return "rollup_error";
    }
}

/* A float of seconds, as only Discord has it. */
static void write_discord_limit(nanos retry_after, struct buffer *body)
{
    nanos rest = retry_after % NANOS_S / (10 * NANOS_MS);

    buffer_append(body, SLICE("{\"message\":\"You are being rate limited.\",\"retry_after\":"));
    buffer_u64(body, (uint64_t)(retry_after / NANOS_S));
    buffer_byte(body, '.');
    buffer_byte(body, (char)('0' + rest / 10));
    buffer_byte(body, (char)('0' + rest % 10));
    buffer_append(body, SLICE(",\"global\":false}"));
}

static void write_discord(uint16_t status, nanos retry_after, struct buffer *body)
{
    if (status == 429) {
        write_discord_limit(retry_after, body);
        return;
    }
    buffer_append(body, SLICE("{\"message\":\""));
    buffer_text(body, status == 404   ? "Unknown Webhook"
                      : status == 400 ? "Invalid Form Body"
                                      : http1_reason(status));
    buffer_append(body, SLICE("\",\"code\":"));
    buffer_u64(body, status == 404 ? 10015 : status == 400 ? 50035 : 0);
    buffer_byte(body, '}');
}

struct slice hook_refusal_write(enum hook_kind hook, uint16_t status, nanos retry_after,
                                struct buffer *body)
{
    if (hook == HOOK_DISCORD) {
        write_discord(status, retry_after, body);
        return SLICE("application/json");
    }
    buffer_text(body, hook == HOOK_SLACK ? slack_word(status) : http1_reason(status));
    return SLICE("text/plain");
}
