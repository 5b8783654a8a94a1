/* What a mock answers to whatever comes in: requests in every format, at every listener, while
 * rules spoil answers in every way there is. Each request is answered once and journalled once; a
 * head comes before its body, nothing comes behind an end; time spent waiting ends. */

#include <string.h>

#include "engine/upstream.h"
#include "fuzz.h"

#define BODY_BYTES_MAX ((size_t)1 << 16)
#define ARENA_BYTES_MAX ((size_t)1 << 26)

enum { EXCHANGES_MAX = 4, WAKES_MAX = 10000, REQUESTS_MAX = 8 };

static const char text[] =
    "{\"name\":\"fuzz\",\"subject\":{\"client\":{\"preset\":\"none\"}},\"target\":{\"mock\":{"
    "\"answers\":[{\"match\":{\"body\":{\"/tool\":{\"present\":true}}},\"text\":\"Grüße ⟦k1⟧\","
    "\"tool\":{\"name\":\"f\",\"input\":{\"a\":[1,\"é\"]}}},"
    "{\"match\":{\"body\":{\"/no\":{\"present\":true}}},\"stop\":\"refusal\"}],"
    "\"models\":{"
    "\"c\":{\"api\":\"anthropic\",\"first_token\":\"2ms\",\"rate\":\"1000 tokens/s\","
    "\"thinking_tokens\":3,\"pings\":\"1ms\",\"context_window\":5000,\"at_window\":\"stops\"},"
    "\"g\":{\"api\":\"openai-chat\",\"first_token\":\"2ms\",\"tokens_per_event\":3,"
    "\"limits\":{\"requests\":\"60/min\",\"tokens\":\"10000/min\"},"
    "\"capacity\":{\"places\":1,\"queue\":1}},"
    "\"r\":{\"api\":\"openai-responses\"},"
    "\"m\":{\"api\":\"gemini\",\"context_window\":2000}}}},"
    "\"load\":{\"requests\":[{\"model\":\"c\",\"input_tokens\":1,\"output_tokens\":1}],"
    "\"arrivals\":[{\"rate\":\"1/s\",\"for\":\"1s\"}]},"
    "\"chaos\":["
#define RULE(name, fault)                                                                        \
    "{\"phase\":\"p\",\"rule\":\"" name "\",\"match\":{\"headers\":{\"x-fault\":\"" name "\"}}," \
    "\"fault\":" fault "}"
    RULE(
        "status",
        "{\"status\":529,\"retry_after\":\"1.5s\",\"headers\":{\"a\":[\"1\",\"2\"],"
        "\"x-request-id\":null}}") "," RULE("html",
                                            "{\"status\":502,\"body\":\"<html>\",\"content_type\":"
                                            "\"text/html\"}") "," RULE("errorbody", "{\"status\":"
                                                                                    "200,"
                                                                                    "\"failure\":"
                                                                                    "\"overloaded\""
                                                                                    "}") "," RULE("slow", "{\"slow_headers\":\"1ms\"}") "," RULE("pings", "{\"stall\":{\"after_tokens\":2,\"behind\":\"pings\"}}") "," RULE("freeze", "{\"freeze\":{\"after_tokens\":2,\"for\":\"1s\"}}") "," RULE("one", "{\"one_byte\":true}") "," RULE("utf8",
                                                                                                                                                                                                                                                                                                                                          "{\"split\":\"utf8\"}") "," RULE("crlf", "{\"split\":\"crlf\"}") "," RULE("many", "{\"tokens_per_event\":50}") "," RULE("event",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "{\"error_event\":{\"after_tokens\":2,\"failure\":\"overloaded\"}}") "," RULE("flat",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "{\"error_event\":{\"after_tokens\":2,\"form\":\"documented\"}}") "," RULE("cut", "{\"cut\":{\"after_tokens\":2,\"by\":\"end\",\"inside_event\":true}}") "," RULE("broken",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "{\"broken_json\":{\"after_tokens\":1}}") "," RULE("twice",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "{\"duplicate_event\":{\"after_tokens\":1}}") "," RULE("order",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "{\"reorder_events\":{\"after_tokens\":1}}") "," RULE("nodone",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "{\"done\":\"missing\"}") "," RULE("early",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "{\"done\":\"early\"}") "," RULE("wrong",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "{\"done\":\"wrong\"}") "," RULE("nameless",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "{\"event_names\":false}") "," RULE("nousage",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "{\"usage\":\"missing\"}") "," RULE("thrice",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               "{\"usage\":{\"times\":3}}") "," RULE("empty",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "{\"empty_answer\":true}") "," RULE("long",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "{\"runaway\":300}") "," RULE("foreign",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "{\"foreign_text\":true}") "," RULE("given",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "{\"body\":\"\"}") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "{\"phase\":\"p\",\"rule\":\"re\",\"match\":{\"body\":{\"/model\":{\"regex\":\"^(c+)+$\"}}},"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "\"every_nth\":3,\"fault\":{\"context_window\":1}}"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "]}";

static struct arena arena;
static struct scenario scenario;

static enum rc no_file(void *context, struct slice path, struct arena *into, struct slice *bytes,
                       struct error *err)
{
    (void)context;
    (void)into;
    (void)bytes;
    return error_set(err, RC_SYSTEM, "%.*s: there are no files here", SLICE_ARG(path));
}

static void load_once(void)
{
    static const struct file_reader nothing = {no_file, NULL};
    struct error err = {0};

    if (scenario.models_count > 0)
        return;
    arena_init(&arena, memory_heap(), ARENA_BYTES_MAX);
    FUZZ_CHECK(scenario_load(&scenario, slice_of(text), SLICE("fuzz"), &nothing, &arena, &err) ==
               RC_OK);
}

/* What came of each exchange. */
struct seen {
    bool has_head, has_end, has_record;
};

static uint32_t take_effects(struct upstream *upstream, struct seen *seen, nanos now)
{
    uint32_t ended[EXCHANGES_MAX];
    uint32_t ended_count = 0, records = 0;
    struct upstream_effect effect;

    while (upstream_next(upstream, &effect)) {
        struct seen *s = &seen[effect.exchange];

        FUZZ_CHECK(effect.exchange < EXCHANGES_MAX);
        switch (effect.kind) {
        case UPSTREAM_HEAD:
            FUZZ_CHECK(!s->has_head && !s->has_end);
            FUZZ_CHECK(effect.status >= 100 && effect.status <= 599);
            s->has_head = true;
            break;
        case UPSTREAM_BODY:
            FUZZ_CHECK(s->has_head && !s->has_end);
            break;
        case UPSTREAM_END:
            FUZZ_CHECK(!s->has_end);
            s->has_end = true;
            ended[ended_count++] = effect.exchange;
            break;
        case UPSTREAM_JOURNAL:
            FUZZ_CHECK(effect.record->number > 0);
            *s = (struct seen){0};
            records++;
            break;
        case UPSTREAM_TOLD:
            FUZZ_CHECK(false);
        }
    }
    for (uint32_t i = 0; i < ended_count; i++)
        upstream_flushed(upstream, ended[i], 1, now);
    return ended_count > 0 ? records + take_effects(upstream, seen, now) : records;
}

/* Waits for everything that ends by itself; what is left is hung up on. */
static uint32_t wait_out(struct upstream *upstream, struct seen *seen, nanos *now, bool is_patient)
{
    uint32_t records = 0;

    for (int wakes = 0; is_patient && wakes < WAKES_MAX; wakes++) {
        nanos at = upstream_wakes_at(upstream);

        if (at == NANOS_NEVER)
            break;
        *now = nanos_max(*now, at);
        upstream_wake(upstream, *now);
        records += take_effects(upstream, seen, *now);
    }
    upstream_stop(upstream, *now);
    return records + take_effects(upstream, seen, *now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice;
    struct slice bytes = fuzz_text(data, size, &choice);
    struct upstream_options options = {.scenario = &scenario,
                                       .memory = memory_heap(),
                                       .run_tag = 7,
                                       .exchanges_max = EXCHANGES_MAX};
    struct seen seen[EXCHANGES_MAX] = {{0}};
    struct upstream *upstream;
    struct error err = {0};
    struct http_request http;
    struct http1 reader;
    uint32_t begun = 0, records = 0, exchange;
    nanos now = 0;

    load_once();
    FUZZ_CHECK(upstream_new(&upstream, &options, &err) == RC_OK);
    http1_init(&reader, memory_heap(), BODY_BYTES_MAX);
    http1_feed(&reader, bytes);
    while (begun < REQUESTS_MAX && http1_next(&reader, &http) == RC_OK) {
        uint32_t listener = (choice & 7) % (scenario.providers_count + 2);
        struct upstream_request request = {.connection = 1, .http = &http};

        request.provider = listener < scenario.providers_count    ? listener
                           : listener == scenario.providers_count ? UPSTREAM_HOOKS
                                                                  : UPSTREAM_GATEWAY;
        request.accepted_at = request.head_in_at = request.body_in_at = now;
        if (!upstream_begin(upstream, &request, now, &exchange))
            break;
        FUZZ_CHECK(exchange < EXCHANGES_MAX);
        begun++;
        records += take_effects(upstream, seen, now);
        now += NANOS_MS;
    }
    records += wait_out(upstream, seen, &now, (choice & 64) != 0);
    FUZZ_CHECK(records == begun);
    FUZZ_CHECK(upstream_open(upstream) == 0);
    http1_deinit(&reader);
    upstream_free(upstream);
    return 0;
}
