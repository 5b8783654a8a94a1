#ifndef WIRE_FORMAT_H
#define WIRE_FORMAT_H

/* The provider formats behind one door, both directions: what a client writes and reads, what a
 * mock reads and writes. One file per format (anthropic.c, openai_chat.c, openai_responses.c,
 * gemini.c) fills a table of functions; format.c dispatches. Facts: wire-facts.md §2 (Anthropic
 * Messages, versions 2023-06-01 and 2026-10-21), §3 (OpenAI), §4 (Gemini). Pure; bytes only. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/nanos.h"
#include "base/outcome.h"
#include "base/slice.h"
#include "base/stop.h"
#include "wire/answer_head.h"
#include "wire/http1.h"

#define API_LIST(X)                         \
    X(ANTHROPIC, "anthropic")               \
    X(OPENAI_CHAT, "openai-chat")           \
    X(OPENAI_RESPONSES, "openai-responses") \
    X(GEMINI, "gemini")

#define API_ENUM(name, word) API_##name,
enum api { API_LIST(API_ENUM) API_COUNT };
#undef API_ENUM

const char *api_word(enum api api);
bool api_find(struct slice word, enum api *api);

/* "anthropic", "openai" or "gemini": whose listener serves it unless the scenario names another
 * provider. */
const char *api_provider(enum api api);

/* A listener serves all formats of one family: the first of its formats names it (API_ANTHROPIC,
 * API_OPENAI_CHAT, API_GEMINI). */
enum api api_family(enum api api);

/* "/v1/messages", "/v1/chat/completions", "/v1/responses". Gemini: see format_write_path. */
struct slice api_path(enum api api);

/* The same for a request: Gemini's path tells model and stream,
 * "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse". */
void format_write_path(enum api api, struct slice model, bool stream, struct buffer *path);

/* --- the client's side ------------------------------------------------------------------------ */

/* What to ask for. Everything is borrowed for the call. */
struct ask {
    struct slice model;
    struct slice prompt;
    uint32_t output_tokens_max; /* max_tokens; at least 1 */
    bool stream;                /* OpenAI: with stream_options.include_usage */
};

/* The JSON body, appended. */
void format_write_ask(enum api api, const struct ask *ask, struct buffer *body);

/* "name: value\r\n" lines: content type, version, key (a slice; empty writes a placeholder key). */
void format_write_ask_headers(enum api api, struct slice key, struct buffer *headers);

/* Tokens and counts that an answer told us. Usage that never arrived is unknown, not zero. */
struct usage {
    bool is_known;
    uint64_t input_tokens;  /* as on the wire: OpenAI counts cached ones in, Anthropic does not */
    uint64_t output_tokens; /* thinking included, which Gemini tells apart */
    uint64_t cached_tokens; /* read from a cache */
    uint64_t cache_write_tokens;
};

/* What has been read of one answer so far. Zeroed is valid and empty. An answer is good when it
 * is_complete and its failure is OUTCOME_OK: a stream can end as its protocol wants and still tell
 * an error, or hold nothing. */
struct answer {
    bool is_complete;        /* message_stop; finish_reason or [DONE]; or a whole body was seen */
    enum outcome failure;    /* OUTCOME_OK, or what the answer itself says went wrong */
    struct usage usage;      /* last value per field wins: never summed (USE-02) */
    bool has_output;         /* anything generated was seen: text, reasoning, a tool call */
    uint64_t content_bytes;  /* of text, decoded */
    uint64_t content_events; /* events that carried text */
    char stop_reason[32];    /* as the provider spells it; empty until told */
    char id[64];
    char model[64];      /* the model that answered, by its own word */
    char error_type[48]; /* of an error body or event */
    char error_message[160];
    nanos retry_delay; /* that an error body advises (Gemini's RetryInfo); 0: none */
};

/* What one stream event brought. */
struct answer_step {
    bool has_token;   /* generated output of any kind */
    bool has_content; /* text for the user */
    bool is_end;      /* the protocol's own end */
};

/* One event of a stream. RC_OK, also for kinds it does not know (they are ignored); RC_MALFORMED
 * when the data is not JSON of the expected shape. */
MUST_USE enum rc format_read_event(enum api api, struct slice name, struct slice data,
                                   struct answer *answer, struct answer_step *step);

/* A whole non-streaming 200 body. RC_MALFORMED when it is none; a body that is an error object, or
 * has no content, is RC_OK with answer->failure set (STR-09: EMPTY, SERVER_ERROR, ...). */
MUST_USE enum rc format_read_answer(enum api api, struct slice body, struct answer *answer);

/* An error status with its body (which may be HTML, cut, or empty): always classifies, by the body
 * where it can (quota, context length), else by the status. Never OUTCOME_OK. Sets failure, and
 * fills error_type and error_message with what was found. */
enum outcome format_read_error(enum api api, uint16_t status, struct slice body,
                               struct answer *answer);

/* --- the mock's side -------------------------------------------------------------------------- */

/* Texts that shall become vectors. A vector is drawn from its seed alone, which is a hash of the
 * text as it was written: the same text has the same vector in whatever request it stands. So it is
 * for the first texts of a request; those behind them share one seed, and are told apart by their
 * places. */
enum { EMBEDDINGS_SEEDS_MAX = 64 };

struct embeddings {
    uint32_t inputs;     /* how many texts */
    uint32_t dimensions; /* 0 when not said */
    bool is_base64;
    uint64_t seeds[EMBEDDINGS_SEEDS_MAX]; /* of the first inputs */
    uint64_t seed_of_others;
};

/* What a client asked for, read from its body. */
struct asked {
    char model[64];
    bool has_model;
    bool stream;
    bool include_usage;  /* OpenAI; true for Anthropic */
    bool has_messages;   /* at least one */
    bool lacks_messages; /* not even an empty list */
    bool has_output_tokens_max;
    uint64_t output_tokens_max;
    uint64_t prompt_bytes; /* of all text in messages and system */
    uint32_t tools_count;
    char tool_name[64];     /* that must be called (tool_choice), or the first one; may be empty */
    bool forces_tool;       /* tool_choice: any, required, or that one by its name */
    bool wants_thinking;    /* thinking, reasoning or thinkingConfig switched it on */
    bool has_sampling;      /* temperature, top_p or top_k is there */
    char sampling[16];      /* the first of them, by its name */
    bool has_bad_role;      /* a message with a role that there is not, */
    char bad_role[32];      /* this one */
    bool has_role_disorder; /* the first message is no user's */
    const char *lacking;    /* a message has no "role" or no "content", */
    uint32_t lacking_at;    /* this one, counted from 0; NULL: none */
    const char *odd_output_tokens_max;   /* "a string", ...: it is no whole number; NULL: it is */
    bool is_old_output_tokens_max;       /* OpenAI: told as max_tokens */
    bool has_negative_output_tokens_max; /* then there is no output_tokens_max */
    uint64_t cache_prefix_bytes;         /* of the prompt: what a cache would keep; 0: nothing */
    uint64_t cache_prefix_hash;
    uint64_t question; /* by format_read_question: a hash of what is asked, 0: nothing is */
    struct embeddings embeddings;
};

/* What a service refuses a request for before it thinks about it: version, sampling parameters
 * under 2026-10-21, max_tokens, roles, an empty list (wire-facts.md §2.1, §2.2, §2.5, §3.4, §4.3).
 * False: nothing. Model and key are the caller's to check. */
struct objection {
    enum outcome failure;
    uint16_t status;
    const char *code, *param; /* OpenAI; NULL: null */
    char message[400];        /* empty: the usual words */
};
bool format_objects(enum api api, const struct http_request *request, const struct asked *asked,
                    struct objection *objection);

/* The same for its key, where the format takes one: x-api-key (Anthropic), api-key (OpenAI, as
 * Azure has it), x-goog-api-key or ?key= (Gemini), Authorization: Bearer (all). There is none; or
 * it says itself that it is a bad one: "invalid" or "expired" stands in it. */
bool format_objects_to_key(enum api api, const struct http_request *request,
                           struct objection *objection);

/* RC_MALFORMED: not JSON of the expected shape; `problem` (may be null) then says what in words. */
MUST_USE enum rc format_read_ask(enum api api, struct slice body, struct asked *asked,
                                 const char **problem);

/* The same, and the hash of what is asked. Where all of the prompt is text, it is that of these
 * texts: the same in every format, whoever writes the system's part where, and for every model.
 * Images, tools' calls and the like are written in ways too different: then it is that of the
 * messages as written. */
MUST_USE enum rc format_read_question(enum api api, struct slice body, struct asked *asked,
                                      const char **problem);

/* How usage is told. */
enum usage_told { USAGE_TRUE, USAGE_MISSING, USAGE_ZERO, USAGE_WRONG };

/* What to answer. Borrowed for the call. */
struct reply {
    struct slice model;
    uint64_t request_number; /* names the ids and opens the text: msg_..., req_... */
    uint64_t run_tag;        /* minted per run, part of the ids */
    int64_t wall_unix_s;     /* `created` */
    uint64_t input_tokens;
    uint64_t output_tokens; /* of the whole answer: thinking, text and tool call, in this order */
    enum stop stop;
    bool include_usage;
    uint64_t thinking_tokens; /* the first of output_tokens: told as thinking, reasoning, thought */
    uint64_t tool_tokens;     /* the last of output_tokens; above 0 with a tool_name */
    struct slice tool_name;   /* empty: calls no tool */
    struct slice tool_input;  /* a JSON object, as text; empty: {} */
    struct slice text;        /* empty: numbered words. Else it is spread over the text's tokens */
    bool is_foreign;          /* numbered words of another language */
    uint64_t cached_tokens; /* of input_tokens, which counts the whole prompt: read from a cache */
    uint64_t cache_write_tokens; /* likewise: written to one. Each format has its own arithmetic */
    enum usage_told usage_told;
    double usage_factor;       /* USAGE_WRONG */
    uint32_t tokens_per_event; /* of its stream, as write_tokens is told; 0: 1. Responses number
                                  their events by it */
    bool hides_thinking;       /* Gemini: thoughts are counted, but not told (no includeThoughts) */
    bool is_2026;              /* Anthropic 2026-10-21: all members are there, unused ones null */
};

/* The text is numbered words, one per token: token 0 is "⟦r17⟧", token n is " wn". Thinking is
 * numbered likewise ("t0 t1 ..."). An answer of thinking, text and tool call is three blocks
 * (items, parts) in each format's own way; write_tokens closes and opens them where its tokens
 * cross from one to the next, write_opening opens the first and write_closing ends the last. */

/* A whole non-streaming body. */
void format_write_answer(enum api api, const struct reply *reply, struct buffer *body);

/* A stream: opening events, then token events (tokens first .. first+count-1, `per_event` in each),
 * then closing events up to and with the protocol's own end. An event ends at each multiple of
 * per_event and where a block does; so an answer's bytes do not depend on how its tokens are dealt
 * out, as long as `first` is a multiple of per_event. */
void format_write_opening(enum api api, const struct reply *reply, struct buffer *out);
void format_write_tokens(enum api api, const struct reply *reply, uint64_t first, uint64_t count,
                         uint32_t per_event, struct buffer *out);
void format_write_closing(enum api api, const struct reply *reply, struct buffer *out);

/* How many events stand in a stream up to and with its first `tokens` tokens, where events bear
 * numbers (Responses); else 0. */
uint64_t format_event_count(enum api api, const struct reply *reply, uint64_t tokens);

/* What an answer of which `output_tokens` were written really used, by the format's arithmetic:
 * what a provider bills. */
struct usage format_usage_used(enum api api, const struct reply *reply, uint64_t output_tokens);

/* What a client knows of its usage once it has read a stream's opening, a stream's closing, or all
 * of a body: what those bytes say, without reading them back. */
enum format_piece { FORMAT_OPENING, FORMAT_CLOSING, FORMAT_BODY };

struct usage format_usage_told(enum api api, const struct reply *reply, enum format_piece piece);

/* What the events of a stream's first `tokens` tokens told of usage, where they do (Gemini's);
 * elsewhere `usage` stays as it is. */
void format_usage_so_far(enum api api, const struct reply *reply, uint64_t tokens,
                         struct usage *usage);

/* An error as the provider words it. */
struct refusal {
    enum outcome failure;
    uint16_t status;
    int64_t wall_unix_s; /* `created_at` of a response that failed */
    struct slice model;
    uint64_t request_number;
    uint64_t run_tag;
    uint64_t input_tokens;    /* for context_length */
    uint64_t context_window;  /* for context_length */
    struct slice message;     /* overrides the usual wording when not empty, */
    const char *code, *param; /* and these the usual ones then; NULL: null. OpenAI only */
    nanos retry_delay;        /* Gemini tells it in the body (RetryInfo); 0: none */
    struct slice
        limit_name; /* of a rate limit: "requests", "tokens", "input tokens"; may be empty, */
    uint64_t limit, asked; /* the limit, and how much was asked for */
    bool is_hopeless;      /* more than the whole limit: "Request too large" */
};
void format_write_refusal(enum api api, const struct refusal *refusal, struct buffer *body);

/* An error in the middle of a stream, status 200: Anthropic's `event: error`, OpenAI Chat's data
 * with an error object, Responses' nested form as seen on the wire and then response.failed, or the
 * flat form as documented, Gemini's chunk with an error (wire-facts.md §2.6, §3.2, §3.3, §5.5).
 * `event` is how many events went before (Responses number them). */
void format_write_error_event(enum api api, const struct refusal *refusal, uint64_t event,
                              bool is_flat, struct buffer *out);

/* Is a stream refused for this after its 200, by what stands in it? So does Responses with an input
 * that is too long (wire-facts.md §3.3). Then this is all of that stream. */
bool format_fails_in_stream(enum api api, enum outcome failure);
void format_write_failed_stream(enum api api, const struct refusal *refusal, struct buffer *out);

/* A sign of life in a stream, without content: Anthropic's ping, a comment line elsewhere. */
void format_write_ping(enum api api, struct buffer *out);

/* The status a provider gives that failure: 429, 529, 400, ... (OpenAI has 503 for overloaded). */
uint16_t format_status(enum api api, enum outcome failure);

/* --- without bytes ---------------------------------------------------------------------------- *
 *
 * What reading the bytes of format_write_opening, ..._tokens, ..._closing or ..._answer does to an
 * answer, done to it without them. For a simulator, which holds both ends of the wire. What no
 * record keeps (id, model, the counts of content) is left as it was. */
void format_tell_opening(enum api api, const struct reply *reply, struct answer *answer);
void format_tell_tokens(uint64_t count, struct answer *answer);
void format_tell_closing(enum api api, const struct reply *reply, struct answer *answer);
void format_tell_answer(enum api api, const struct reply *reply, struct answer *answer);

/* The request id in the headers of an answer; empty where an API has none. */
void format_tell_request_id(enum api api, uint64_t run_tag, uint64_t request_number, char *out,
                            size_t capacity);

/* "name: value\r\n" lines of every answer: request id under its right name, organisation, version,
 * Date. `content_type` as given. */
struct slice format_stream_type(enum api api); /* content type of its event streams */
void format_write_headers(enum api api, uint64_t run_tag, uint64_t request_number,
                          int64_t wall_unix_s, struct slice content_type, struct buffer *headers);

#endif
