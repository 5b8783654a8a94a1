#include "tests/support/exchanges.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#define SPEED "\"first_token\": \"100ms\", \"rate\": \"10 tokens/s\""

struct exchanges exchanges;

static const char *const models[API_COUNT] = {
    [API_ANTHROPIC] = "claude",
    [API_OPENAI_CHAT] = "gpt",
    [API_OPENAI_RESPONSES] = "gpt-r",
    [API_GEMINI] = "gemini",
};

const char *exchanges_model(enum api api)
{
    return models[api];
}

uint32_t exchanges_provider(enum api api)
{
    const struct scenario *scenario = exchanges.world.scenario;

    return scenario->models[scenario_model(scenario, slice_of(models[api]))].provider;
}

/* --- birth and death -------------------------------------------------------------------------- */

static const char *scenario_text(const char *keys, const char *chaos, const char *answers)
{
    static char text[32768];

    snprintf(text, sizeof(text),
             "{\"name\": \"test\", \"seed\": 7,"
             " \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
             " \"target\": {\"mock\": {\"models\": {\n"
             "  \"claude\": {\"api\": \"anthropic\", " SPEED "%s},\n"
             "  \"gpt\": {\"api\": \"openai-chat\", " SPEED "%s},\n"
             "  \"gpt-r\": {\"api\": \"openai-responses\", " SPEED "%s},\n"
             "  \"gemini\": {\"api\": \"gemini\", " SPEED "%s}}%s%s}},\n"
             " \"load\": {\"requests\": [{\"model\": \"claude\", \"stream\": true,"
             " \"input_tokens\": 10, \"output_tokens\": 3}],"
             " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"1s\"}]}%s%s}\n",
             keys, keys, keys, keys, answers[0] != '\0' ? ", \"answers\": " : "", answers,
             chaos[0] != '\0' ? ",\n \"chaos\": " : "", chaos);
    return text;
}

void exchanges_open(const char *keys, const char *chaos, const char *answers)
{
    struct error err;
    struct upstream_options options = {.memory = &exchanges.memory,
                                       .run_tag = 1,
                                       .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
                                       .exchanges_max = 8};

    exchanges = (struct exchanges){.input_tokens = 10, .output_tokens = EXCHANGES_TOKENS};
    exchanges.flaky.allow = UINT64_MAX;
    exchanges.memory = flaky_memory(&exchanges.flaky);
    CU_ASSERT_FATAL(world_load(&exchanges.world, scenario_text(keys, chaos, answers)));
    options.scenario = exchanges.world.scenario;
    CU_ASSERT_FATAL(upstream_new(&exchanges.upstream, &options, &err) == RC_OK);
    buffer_init(&exchanges.seen.headers, memory_heap(), 1 << 20);
    buffer_init(&exchanges.seen.body, memory_heap(), 16 << 20);
    reader_init(&exchanges.reader, memory_heap());
}

void exchanges_close(void)
{
    reader_deinit(&exchanges.reader);
    buffer_deinit(&exchanges.seen.headers);
    buffer_deinit(&exchanges.seen.body);
    upstream_free(exchanges.upstream);
    CU_ASSERT(exchanges.flaky.live == 0);
    world_close(&exchanges.world);
}

/* --- requests --------------------------------------------------------------------------------- */

void exchanges_say(struct slice name, struct slice value)
{
    CU_ASSERT_FATAL(exchanges.headers_count < EXCHANGES_HEADERS_MAX);
    exchanges.headers[exchanges.headers_count++] = (struct http_header){name, value};
}

static void begin_seen(void)
{
    struct buffer headers = exchanges.seen.headers;
    struct buffer body = exchanges.seen.body;

    exchanges.seen = (struct exchange_seen){.headers = headers, .body = body};
    buffer_clear(&exchanges.seen.headers);
    buffer_clear(&exchanges.seen.body);
}

uint32_t exchanges_begin_at(uint32_t provider, const char *method, const char *path,
                            const char *body)
{
    struct http_request http = {.method = slice_of(method),
                                .path = slice_of(path),
                                .headers = exchanges.headers,
                                .headers_count = exchanges.headers_count,
                                .body = slice_of(body),
                                .keeps_alive = true};
    struct upstream_request request = {.http = &http,
                                       .provider = provider,
                                       .connection = 1,
                                       .accepted_at = exchanges.now,
                                       .head_in_at = exchanges.now,
                                       .body_in_at = exchanges.now};
    uint32_t exchange = UPSTREAM_NO_EXCHANGE;

    begin_seen();
    CU_ASSERT(upstream_begin(exchanges.upstream, &request, exchanges.now, &exchange));
    return exchange;
}

/* Key, version and what the call declares, for this one request. */
static void say_usual(uint32_t said, char call[32], char tokens[2][16])
{
    exchanges.headers_count = said;
    exchanges_say(SLICE("authorization"), SLICE("Bearer k"));
    exchanges_say(SLICE("x-goog-api-key"), SLICE("k"));
    exchanges_say(SLICE("anthropic-version"), SLICE("2023-06-01"));
    exchanges_say(SLICE("content-type"), SLICE("application/json"));
    snprintf(call, 32, "call:%u", exchanges.asked++);
    snprintf(tokens[0], 16, "%u", exchanges.input_tokens);
    snprintf(tokens[1], 16, "%u", exchanges.output_tokens);
    exchanges_say(SLICE("x-brownout-call"), slice_of(call));
    exchanges_say(SLICE("x-brownout-attempt"), SLICE("1"));
    if (exchanges.input_tokens > 0)
        exchanges_say(SLICE("x-brownout-input-tokens"), slice_of(tokens[0]));
    if (exchanges.output_tokens > 0)
        exchanges_say(SLICE("x-brownout-output-tokens"), slice_of(tokens[1]));
}

uint32_t exchanges_begin(enum api api, bool stream)
{
    struct buffer path, body;
    struct ask ask = {.model = slice_of(models[api]),
                      .prompt = SLICE("hi"),
                      .output_tokens_max = 4096,
                      .stream = stream};
    uint32_t said = exchanges.headers_count;
    char call[32], tokens[2][16];
    uint32_t exchange;

    exchanges.api = api;
    exchanges.stream = stream;
    buffer_init(&path, memory_heap(), 1024);
    buffer_init(&body, memory_heap(), 4096);
    format_write_path(api, ask.model, stream, &path);
    format_write_ask(api, &ask, &body);
    buffer_byte(&path, '\0');
    buffer_byte(&body, '\0');
    say_usual(said, call, tokens);
    exchange = exchanges_begin_at(exchanges_provider(api), "POST", path.data, body.data);
    exchanges.headers_count = said;
    buffer_deinit(&path);
    buffer_deinit(&body);
    return exchange;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void take_head(const struct upstream_effect *effect)
{
    struct exchange_seen *seen = &exchanges.seen;

    seen->heads++;
    seen->status = effect->status;
    seen->content_length = effect->content_length;
    seen->head_gap = effect->head_gap;
    seen->one_byte_writes = effect->one_byte_writes;
    buffer_append(&seen->headers, effect->headers);
}

static void take_body(const struct upstream_effect *effect)
{
    struct exchange_seen *seen = &exchanges.seen;

    CU_ASSERT(effect->body.size > 0);
    seen->bodies++;
    seen->flushes += effect->flushes;
    buffer_append(&seen->body, effect->body);
}

void exchanges_take(void)
{
    struct exchange_seen *seen = &exchanges.seen;
    struct upstream_effect effect;

    seen->ended_at = exchanges.now;
    while (upstream_next(exchanges.upstream, &effect)) {
        switch (effect.kind) {
        case UPSTREAM_HEAD:
            take_head(&effect);
            break;
        case UPSTREAM_BODY:
            take_body(&effect);
            break;
        case UPSTREAM_TOLD:
            CU_FAIL("requests of bytes are answered in bytes");
            break;
        case UPSTREAM_END:
            seen->ends++;
            seen->end = effect.end;
            upstream_flushed(exchanges.upstream, effect.exchange, seen->body.size, exchanges.now);
            break;
        case UPSTREAM_JOURNAL:
            seen->journals++;
            seen->record = *effect.record;
            break;
        }
    }
}

void exchanges_run(nanos until)
{
    exchanges_take();
    while (exchanges.seen.journals == 0 && upstream_wakes_at(exchanges.upstream) <= until) {
        if (upstream_wakes_at(exchanges.upstream) > exchanges.now)
            exchanges.now = upstream_wakes_at(exchanges.upstream);
        upstream_wake(exchanges.upstream, exchanges.now);
        exchanges_take();
    }
}

void exchanges_ask(enum api api, bool stream)
{
    exchanges_begin(api, stream);
    exchanges_run(NANOS_NEVER - 1);
}

struct slice exchanges_header(const char *name)
{
    struct slice rest = buffer_slice(&exchanges.seen.headers);
    struct slice line, found;

    while (slice_cut(&rest, '\n', &line)) {
        if (slice_cut(&line, ':', &found) && slice_is_nocase(found, slice_of(name)))
            return slice_trim(line);
    }
    return (struct slice){0};
}

bool exchanges_body_has(const char *text)
{
    return slice_has(buffer_slice(&exchanges.seen.body), slice_of(text));
}

enum outcome exchanges_outcome(void)
{
    static const enum client_end ends[] = {[UPSTREAM_END_WHOLE] = END_WHOLE,
                                           [UPSTREAM_END_FIN] = END_SHORT,
                                           [UPSTREAM_END_RST] = END_RESET};
    struct exchange_seen *seen = &exchanges.seen;
    struct slice rest = buffer_slice(&seen->headers);
    enum client_end end = ends[seen->end];
    struct answer_head head;
    struct slice line;

    exchanges.attempt = (struct attempt_record){.first_byte_at = NANOS_NEVER,
                                                .first_token_at = NANOS_NEVER,
                                                .first_content_at = NANOS_NEVER,
                                                .last_content_at = NANOS_NEVER};
    reader_begin(&exchanges.reader, exchanges.api, exchanges.stream);
    if (seen->heads > 0) {
        answer_head_clear(&head);
        while (slice_cut(&rest, '\n', &line))
            answer_head_line(&head, line);
        head.status = seen->status;
        reader_head(&exchanges.reader, &head, 0, SIMULATOR_WALL_UNIX_NS, &exchanges.attempt);
    }
    reader_body(&exchanges.reader, buffer_slice(&seen->body), 0, &exchanges.attempt);
    if (seen->content_length > 0 && (uint64_t)seen->content_length > seen->body.size &&
        end == END_WHOLE)
        end = END_SHORT;
    return reader_end(&exchanges.reader, end, &exchanges.attempt);
}
