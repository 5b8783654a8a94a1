#ifndef WIRE_ENDPOINT_H
#define WIRE_ENDPOINT_H

/* What a request's method and path ask for: which operation of which API, in the paths that the
 * services have (wire-facts.md §2.2, §3, §4.1, §12.1).
 *
 *     POST /v1/messages                                    GENERATE   anthropic
 *     POST /v1/messages/count_tokens                       COUNT      anthropic
 *     POST /v1/chat/completions                            GENERATE   openai-chat
 *     POST /openai/deployments/{model}/chat/completions?api-version=...        (Azure)
 *          /v1/deployments/... and POST /messages likewise: what clients make of a base URL that
 *          another client shares (docs/base-urls.md)
 *     POST /v1/responses                                   GENERATE   openai-responses
 *     POST /v1/embeddings                                  EMBEDDINGS openai-chat
 *     GET  /v1/models, /v1/models/{id}                     MODELS, MODEL    by family; at the
 *                     gateway anthropic when the request says anthropic-version, else openai
 *     POST /v1(beta)/models/{model}:generateContent, :streamGenerateContent(?alt=sse), :countTokens
 *     GET  /v1(beta)/models, /v1(beta)/models/{model}      Gemini; the colon may be percent-encoded
 *
 * Pure; borrows from the request. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "wire/format.h"
#include "wire/http1.h"

enum endpoint_kind {
    ENDPOINT_UNKNOWN, /* no such path here */
    ENDPOINT_WRONG_METHOD,
    ENDPOINT_GENERATE,
    ENDPOINT_COUNT,
    ENDPOINT_EMBEDDINGS,
    ENDPOINT_MODELS,
    ENDPOINT_MODEL,
};

struct endpoint {
    enum endpoint_kind kind;
    enum api api;       /* of UNKNOWN: whose words refuse it */
    char model[64];     /* told by the path, decoded; else empty */
    bool stream;        /* told by the path (Gemini) */
    bool is_json_array; /* a Gemini stream without alt=sse: one JSON array, sent piecewise */
    bool is_azure;
};

/* `http->path` without an isolation prefix. `family`: of the listener; API_COUNT: any (gateway). */
void endpoint_read(const struct http_request *http, enum api family, struct endpoint *endpoint);

/* What is said to a path that there is not, or to the wrong method of one that there is. False: it
 * is neither. */
bool endpoint_objects(const struct endpoint *endpoint, const struct http_request *http,
                      struct objection *objection);

/* What a listing tells of a model. */
struct model_card {
    struct slice name;
    uint64_t context_window; /* UINT64_MAX: none is told */
};

/* Which page of a listing: Anthropic's `limit`, `after_id` and `before_id`, Gemini's `pageSize` and
 * `pageToken`, which is the last name of the page before. OpenAI has no pages. */
struct listing {
    uint32_t size;   /* 0: the API's own, 20 and 50 */
    char after[64];  /* a name; empty: from the beginning */
    char before[64]; /* likewise: the last page before it */
};

/* False, and what is said to it: a size that is none. */
bool endpoint_read_listing(enum api api, const struct http_request *http, struct listing *listing,
                           struct objection *objection);

/* Bodies, whole. All models were born at the same fixed instant of the past. Behind a name that is
 * not there is nothing. */
void endpoint_write_models(enum api api, const struct model_card *cards, uint32_t count,
                           const struct listing *listing, struct buffer *body);
void endpoint_write_model(enum api api, const struct model_card *card, struct buffer *body);
void endpoint_write_count(enum api api, uint64_t input_tokens, struct buffer *body);

/* More are refused (format_objects), so that no request makes an answer without end. */
enum { EMBEDDINGS_INPUTS_MAX = 2048, EMBEDDINGS_DIMENSIONS_MAX = 3072 };

/* One vector of `dimensions` (1,536 when 0) for each input, drawn from its seed. */
void endpoint_write_embeddings(struct slice model, const struct embeddings *asked,
                               uint64_t input_tokens, struct buffer *body);

#endif
