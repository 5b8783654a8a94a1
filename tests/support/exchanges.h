#ifndef TESTS_SUPPORT_EXCHANGES_H
#define TESTS_SUPPORT_EXCHANGES_H

/* The upstream engine without a wire: one request after another, and what came of each.
 *
 *     exchanges_open("", "[{\"phase\": \"bad\", \"fault\": {\"status\": 529}}]", "");
 *     exchanges_ask(API_ANTHROPIC, true);
 *     EXPECT_U64(exchanges.seen.status, 529);
 *     EXPECT_U64(exchanges_outcome(), OUTCOME_OVERLOADED);   what our own client makes of it
 *     exchanges_close();
 *
 * One model for each API: claude, gpt, gpt-r (Responses) and gemini; first token after 100 ms, then
 * 10 tokens/s; five tokens of output for ten of input. Requests name their call ("call:N", N counts
 * up). Everything is in one static place: no two at a time. */

#include "base/buffer.h"
#include "engine/answer_reader.h"
#include "engine/upstream.h"
#include "tests/support/flaky.h"
#include "tests/support/world.h"

enum { EXCHANGES_HEADERS_MAX = 16, EXCHANGES_TOKENS = 5 };

/* What was taken of one exchange, from its head to its journal. */
struct exchange_seen {
    uint16_t status;
    struct buffer headers, body;
    int64_t content_length;
    nanos head_gap;
    bool one_byte_writes;
    int heads, bodies, flushes, ends, journals;
    enum upstream_end end;
    nanos ended_at; /* the last step */
    struct journal_record record;
};

struct exchanges {
    struct world_run world; /* for its loaded scenario */
    struct upstream *upstream;
    struct flaky flaky; /* its memory: grants everything until a test says otherwise */
    struct memory memory;
    nanos now;
    uint32_t asked;
    struct exchange_seen seen; /* of the latest */
    struct http_header headers[EXCHANGES_HEADERS_MAX];
    uint32_t headers_count;
    uint32_t input_tokens, output_tokens; /* to be declared; 0: not */
    enum api api;                         /* of the latest */
    bool stream;
    struct answer_reader reader; /* of exchanges_outcome */
    struct attempt_record attempt;
};

extern struct exchanges exchanges;

/* `keys`: more members for each model (", \"capacity\": {...}"); `chaos` and `answers` JSON arrays;
 * each may be empty. */
void exchanges_open(const char *keys, const char *chaos, const char *answers);
void exchanges_close(void);

/* Begins one at the API's own listener; returns its number at the engine. */
uint32_t exchanges_begin(enum api api, bool stream);

/* The same with everything said. */
uint32_t exchanges_begin_at(uint32_t provider, const char *method, const char *path,
                            const char *body);

/* Takes what waits; goes on until nothing is to come, at the longest to `until`. */
void exchanges_take(void);
void exchanges_run(nanos until);

/* Begins one and runs it to its end. */
void exchanges_ask(enum api api, bool stream);

/* For the next requests. */
void exchanges_say(struct slice name, struct slice value);

/* A line of the latest head; empty when it is not there. */
struct slice exchanges_header(const char *name);
bool exchanges_body_has(const char *text);

/* Reads what was seen as our own client does. */
enum outcome exchanges_outcome(void);

/* The model of an API, and a good body for it. */
const char *exchanges_model(enum api api);
uint32_t exchanges_provider(enum api api);

#endif
