#ifndef WIRE_FORMAT_TABLE_H
#define WIRE_FORMAT_TABLE_H

/* One provider format, as format.c dispatches to it. Private to the format files.
 *
 * Reading is data: tables (wire/shape.h) that say where in a body or event the things stand that
 * every format has in some place. They fill a `struct told` or a `struct wish`, and format.c draws
 * the same conclusions from it for all formats. Writing is code, because bytes are the point. */

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/outcome.h"
#include "base/slice.h"
#include "wire/content.h"
#include "wire/format.h"
#include "wire/shape.h"
#include "wire/wording.h"

/* What one stream event, one answer body or one error body told. */
struct told {
    struct json_token kind; /* an event's own type, where events have one */
    uint64_t text_bytes;    /* for the user */
    uint64_t other_bytes;   /* generated, but not text: reasoning, tool calls, refusals */
    struct json_token stop_reason;
    struct json_token status; /* says why it stopped where nothing else does */
    struct json_token id;
    struct json_token model;
    struct shape_number input_tokens;
    struct shape_number output_tokens;
    struct shape_number thinking_tokens; /* only where output_tokens does not hold them */
    struct shape_number cached_tokens;
    struct shape_number cache_write_tokens;
    struct slice parts; /* as written, where only `finish` can read them */
    struct complaint complaint;
    bool is_complete; /* nothing but usage can still be missing */
    bool is_end;      /* the protocol's last word */
};

/* What one request body asked for. Zeroed: nothing. */
struct wish {
    struct json_token model;
    struct json_token stream;
    struct json_token include_usage;
    struct shape_number output_tokens_max;
    struct shape_number output_tokens_max_old; /* an older name of the same; the newer one wins */
    struct json_token output_tokens_max_odd;   /* where it is no number, */
    struct json_token output_tokens_max_old_odd;
    struct shape_list turns; /* the messages; */
    uint64_t turns_roles;    /* how many of them have a role, */
    uint64_t turns_contents; /* and a content */
    struct shape_prompt prompt;
    struct shape_words part_kinds; /* of messages' parts, beside texts; */
    uint64_t other_parts;          /* likewise, where parts have no kind */

    /* The prompt, as written. A cache keeps what stands before the last message; or, where caches
     * go by marks, what stands before the last mark (offset behind a cache_control; 0: none). */
    struct slice tools_span, system_span, turns_span;
    size_t tools_mark, system_mark, turns_mark;
    size_t whole_mark; /* asks to keep everything */

    uint64_t tools;
    struct json_token tool_first;       /* its name */
    struct json_token tool_choice;      /* "auto", "none"; whatever else forces a call */
    struct json_token tool_choice_name; /* of the one that must be called */
    struct json_token thinking;         /* a word, a number or a truth; "disabled" and 0 are off */
    struct json_token temperature, top_p, top_k;
    struct shape_words roles;

    struct json_token input;   /* embeddings: one text, */
    struct shape_texts inputs; /* or several */
    struct shape_number dimensions;
    struct json_token encoding;
};

/* A stop reason that makes an answer a failure. */
struct stop_meaning {
    struct slice reason;
    enum outcome failure;
};

/* One token event of a stream. */
struct delta {
    const struct block *block;
    uint64_t first, count; /* of the answer's tokens, all of that block */
    uint64_t event;        /* its number in the stream */
};

/* How many events the writers below write, where events bear numbers; else all 0. Tokens make one
 * event each `tokens_per_event`, counted from the answer's first token, and one more where a block
 * begins in between. */
struct event_counts {
    uint32_t opening;
    uint32_t block_open[PIECE_COUNT];
    uint32_t block_close[PIECE_COUNT];
};

/* What is said to a request without a key, and the status for a bad one (its words are those of
 * OUTCOME_AUTH at that status). */
struct key_words {
    uint16_t missing_status;
    uint16_t bad_status;
    const char *missing;
    const char *bad, *bad_code; /* says it of this one, between "bad" and a full stop, with this
                                   code; NULL: the usual words */
};

struct format {
    const char *provider;
    struct slice path;
    /* where the path tells model and stream; NULL: it does not */
    void (*write_path)(struct slice model, bool stream, struct buffer *out);

    struct slice ask_headers;     /* whole lines, then the key's line up to the key */
    struct slice key_header;      /* accepted beside Authorization: Bearer; may be empty */
    struct slice key_query;       /* "key=", where the path may carry it; likewise */
    struct slice id_header;       /* "request-id: "; may be empty */
    struct slice answer_headers;  /* whole lines that never change */
    struct slice end_mark;        /* data that is no JSON but the end of the stream; may be empty */
    bool always_tells_usage;      /* in streams; else when the request asked for it */
    uint64_t output_tokens_guess; /* told by a stream's opening; 0: its opening tells no usage */
    bool cache_is_apart;          /* input_tokens leaves out what a cache gave or took */
    bool cache_writes_are_silent; /* nothing tells them */
    bool thinking_is_apart;       /* output_tokens leaves it out: see told.thinking_tokens */
    bool tells_usage_always;      /* with every token event; else at the end */
    struct slice ping;            /* a whole event or comment without content */
    struct event_counts events;
    const struct wording *wording;          /* of refusals */
    const struct wording *limit_wording;    /* of rate limits whose name is known, for
                                               wording_of_limit; may be NULL */
    const struct wording *hopeless_wording; /* likewise, of a request above the whole limit */
    struct key_words key_words;
    const char *not_json;     /* to a body that is none */
    bool needs_contents;      /* and roles, in every message */
    bool takes_text;          /* one text may stand in place of the messages */
    struct slice stream_type; /* content type of its streams; empty: the usual one */
    bool caches_by_mark;      /* up to the last cache_control; else all but the last message */
    const struct stop_meaning *stops; /* up to one without a reason */
    const char *const *stop_words;    /* by enum stop */

    const struct shape *event_shape; /* into struct told */
    const struct shape *body_shape;  /* likewise, of answers and errors alike */
    const struct shape *ask_shape;   /* into struct wish */

    /* What the tables cannot say of an event or answer that was read; NULL: nothing. */
    void (*finish)(struct told *told);

    /* Decides is_complete and is_end; clears `told` when the event is of a kind unknown to it. */
    void (*judge_event)(struct slice name, struct told *told);

    /* NULL, or what it refuses; see format_objects. Failure and status are set beforehand, to
     * OUTCOME_INVALID_REQUEST and 400; the message is said with objection_say. */
    bool (*object)(const struct http_request *request, const struct asked *asked,
                   struct objection *objection);

    void (*write_ask)(const struct ask *ask, struct buffer *out);
    void (*write_answer)(const struct reply *reply, struct buffer *out);

    /* A stream: opening, then for each block its opening, its deltas and its closing, then the
     * closing. content_write (wire/content.h) stands between a delta's open and its close.
     * What write_delta_open writes depends on the block alone: it is copied for the next delta. */
    void (*write_opening)(const struct reply *reply, struct buffer *out);
    void (*write_block_open)(const struct reply *reply, const struct block *block,
                             struct buffer *out); /* NULL: nothing; likewise its close */
    void (*write_delta_open)(const struct reply *reply, const struct block *block,
                             struct buffer *out);
    void (*write_delta_close)(const struct reply *reply, const struct delta *delta,
                              struct buffer *out);
    void (*write_block_close)(const struct reply *reply, const struct block *block,
                              struct buffer *out);
    /* NULL, or: a tool call is one event, with its first token; its others say nothing */
    void (*write_call)(const struct reply *reply, const struct delta *delta, struct buffer *out);
    void (*write_closing)(const struct reply *reply, uint64_t event, struct buffer *out);

    void (*write_refusal)(const struct refusal *refusal, const struct wording *wording,
                          struct buffer *out);
    /* NULL: none; see format_write_failed_stream */
    void (*write_failed_stream)(const struct refusal *refusal, const struct wording *wording,
                                struct buffer *out);
    /* NULL: none; see format_write_error_event */
    void (*write_error_event)(const struct refusal *refusal, const struct wording *wording,
                              uint64_t event, bool is_flat, struct buffer *out);
};

const struct format *format_of(enum api api);

/* Is an event of this kind? The data's own type counts, the event's name only where there is none.
 */
bool told_is_kind(const struct told *told, struct slice name, struct slice kind);

/* True. */
bool objection_say(struct objection *objection, const char *format, ...) PRINTF_LIKE(2, 3);

extern const struct format anthropic_format;
extern const struct format openai_chat_format;
extern const struct format openai_responses_format;
extern const struct format gemini_format;

#endif
