/* Rate limits in each provider's notation. */

#include "wire/limit_headers.h"

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"

static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

/* 2026-01-01T00:00:00.5Z */
static const int64_t NOW = (int64_t)1767225600 * 1000000000 + 500000000;

static const struct limit_told limits[LIMIT_SCOPES_COUNT] = {
    [LIMIT_SCOPE_REQUESTS] = {true, 600, 599, 100 * NANOS_MS},
    [LIMIT_SCOPE_INPUT] = {true, 400000, 399499, 3 * NANOS_S},
    [LIMIT_SCOPE_OUTPUT] = {true, 80000, 500, 60 * NANOS_S},
};

static void tells_anthropic_clients_when_it_is_full_again(void)
{
    limit_headers_write(API_ANTHROPIC, limits, NOW, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "anthropic-ratelimit-requests-limit: 600\r\n"
                "anthropic-ratelimit-requests-remaining: 599\r\n"
                "anthropic-ratelimit-requests-reset: 2026-01-01T00:00:01Z\r\n"
                "anthropic-ratelimit-tokens-limit: 80000\r\n"
                "anthropic-ratelimit-tokens-remaining: 1000\r\n"
                "anthropic-ratelimit-tokens-reset: 2026-01-01T00:01:01Z\r\n"
                "anthropic-ratelimit-input-tokens-limit: 400000\r\n"
                "anthropic-ratelimit-input-tokens-remaining: 399000\r\n"
                "anthropic-ratelimit-input-tokens-reset: 2026-01-01T00:00:04Z\r\n"
                "anthropic-ratelimit-output-tokens-limit: 80000\r\n"
                "anthropic-ratelimit-output-tokens-remaining: 1000\r\n"
                "anthropic-ratelimit-output-tokens-reset: 2026-01-01T00:01:01Z\r\n");
}

static void tells_openai_clients_how_long_it_takes(void)
{
    struct limit_told told[LIMIT_SCOPES_COUNT] = {
        [LIMIT_SCOPE_REQUESTS] = {true, 600, 599, 100 * NANOS_MS},
        [LIMIT_SCOPE_TOKENS] = {true, 30000, 28800, 6 * 60 * NANOS_S},
    };

    limit_headers_write(API_OPENAI_RESPONSES, told, NOW, &out);
    EXPECT_TEXT(buffer_slice(&out), "x-ratelimit-limit-requests: 600\r\n"
                                    "x-ratelimit-remaining-requests: 599\r\n"
                                    "x-ratelimit-reset-requests: 100ms\r\n"
                                    "x-ratelimit-limit-tokens: 30000\r\n"
                                    "x-ratelimit-remaining-tokens: 28800\r\n"
                                    "x-ratelimit-reset-tokens: 6m0s\r\n");
}

static void tells_nothing_of_limits_that_there_are_not(void)
{
    const struct limit_told none[LIMIT_SCOPES_COUNT] = {0};

    for (enum api api = 0; api < API_COUNT; api++)
        limit_headers_write(api, none, NOW, &out);
    limit_headers_write(API_GEMINI, limits, NOW, &out);
    EXPECT_U64(out.size, 0);
}

static void writes_durations_as_go_does(void)
{
    static const struct {
        nanos span;
        const char *text;
    } table[] = {
        {0, "0s"},
        {-5, "0s"},
        {1, "1ms"},
        {120 * NANOS_MS, "120ms"},
        {NANOS_S, "1s"},
        {1400 * NANOS_MS, "1.4s"},
        {8640 * NANOS_MS, "8.64s"},
        {1005 * NANOS_MS, "1.005s"},
        {60 * NANOS_S, "1m0s"},
        {360 * NANOS_S, "6m0s"},
        {3723500 * NANOS_MS, "1h2m3.5s"},
        {3600 * NANOS_S, "1h0m0s"},
        {NANOS_NEVER, "2562047h47m16.855s"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        buffer_clear(&out);
        limit_write_go_duration(table[i].span, &out);
        CU_ASSERT(slice_is(buffer_slice(&out), slice_of(table[i].text)));
    }
}

static CU_TestInfo limit_headers_tests[] = {
    {"tells Anthropic's clients when it is full again",
     tells_anthropic_clients_when_it_is_full_again},
    {"tells OpenAI's clients how long it takes", tells_openai_clients_how_long_it_takes},
    {"tells nothing of limits that there are not", tells_nothing_of_limits_that_there_are_not},
    {"writes durations as Go does", writes_durations_as_go_does},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo limit_headers_suite = {"limit_headers", NULL,      NULL,
                                    set_up,          tear_down, limit_headers_tests};
