#ifndef SCENARIO_SUBJECT_H
#define SCENARIO_SUBJECT_H

/* Whose conduct is judged (design.md §1), and how a program that is not ours finds the mock.
 *
 *   client    our model of a client makes the load      {"client": {...}}
 *   exec      a command does what it does               {"exec": {...}}
 *   service   our driver asks a running program,        {"service": "http://...", "send": {...}}
 *             which asks the mock
 *
 * Texts that end in the environment or the arguments of a program are templates: "{openai}/v1" is
 * the base URL of that listener without a path, isolation prefix included; "{hooks}/slack",
 * "{gateway}", "{admin}", "{case}" and "{compress}" likewise (scenario/template.h takes them apart,
 * harness/surroundings.h fills them in; an unknown name is refused when the scenario is read).
 *
 * Plain data, borrowed from the scenario's text or arena. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"
#include "base/slice.h"
#include "wire/format.h"

enum {
    SUBJECT_ENV_MAX = 64,
    SUBJECT_ARGUMENTS_MAX = 64,
    SUBJECT_HEADERS_MAX = 16,
    SERVICE_URLS_MAX = 8,
    SERVICE_PATH_MAX = 256,
};

enum subject { SUBJECT_CLIENT, SUBJECT_EXEC, SUBJECT_SERVICE };

/* A variable of the program's environment, or a header to a service. */
struct subject_pair {
    struct slice name;
    struct slice value; /* a template */
};

/* The application's own log: one JSON object a line. Where a line tells what, as a JSON pointer
 * (RFC 6901) into it; empty: nowhere. Defaults are the guide's words at the top level. */
#define LOG_FIELD_LIST(X)                                                              \
    X(ID, "id", "the response's id, as the provider gave it")                          \
    X(REQUEST, "request", "the request id of the answer's headers")                    \
    X(CALL, "call",                                                                    \
      "a call's own name: what stands between the brackets of its marker, "            \
      "or its trace id")                                                               \
    X(MODEL, "model", "the model that was asked, or answered")                         \
    X(LATENCY_MS, "latency_ms", "milliseconds from the application's wish to the end") \
    X(INPUT_TOKENS, "input_tokens", "tokens of the prompt")                            \
    X(OUTPUT_TOKENS, "output_tokens", "tokens of the answer")                          \
    X(COST, "cost", "dollars")                                                         \
    X(ERROR, "error", "null, false, empty or absent: the call went well")              \
    X(STOP_REASON, "stop_reason", "as the provider told it")                           \
    X(AT, "at", "when the line was written: an RFC 3339 date, or Unix seconds")

#define LOG_FIELD_ENUM(id, name, about) LOG_FIELD_##id,
enum log_field { LOG_FIELD_LIST(LOG_FIELD_ENUM) LOG_FIELDS_COUNT };
#undef LOG_FIELD_ENUM

const char *log_field_name(enum log_field field);

struct log_map {
    struct slice pointers[LOG_FIELDS_COUNT]; /* "/response/id" */
};

/* Every field at the top level, by its own name: "/id", "/latency_ms". */
void log_map_init(struct log_map *map);

struct exec_rules {
    struct slice log_file; /* relative to the folder that `exec` runs in; empty: none */
    struct log_map log;
};

/* How a service is asked and how it answers. */
struct service_rules {
    struct slice urls[SERVICE_URLS_MAX]; /* origins: "http://127.0.0.1:4000"; one an instance */
    uint32_t urls_count;
    bool is_plain;        /* speaks JSON of its own: the next five; else `speaks` */
    enum api speaks;      /* one of the providers' formats */
    struct slice body;    /* a JSON value in which the texts "{prompt}", "{model}", "{stream}",
                             "{max_tokens}" and "{call}" stand for values: a text that is nothing
                             but one of the middle three becomes a bool or a number where that is
                             its kind */
    struct slice answer;  /* JSON pointer to the text of a whole answer */
    struct slice delta;   /* to the text of one event of a stream: SSE data, or a line of JSON */
    struct slice done;    /* SSE data that ends a stream, "[DONE]"; or */
    struct slice ends_at; /* a pointer that is there (and not null, nor false) in its last event;
                             with neither, a stream ends where its body does, if that is framed */
    struct slice path;    /* "/v1/chat/completions"; empty: the format's own */
    struct subject_pair headers[SUBJECT_HEADERS_MAX];
    uint32_t headers_count;
    struct slice key_env; /* environment variable of its key; empty: a placeholder */
    struct slice start[SUBJECT_ARGUMENTS_MAX]; /* templates; none: it runs already */
    uint32_t start_count;
    struct slice ready; /* path that answers 2xx once it is; empty: that it accepts is enough */
    nanos ready_within; /* 60 s */
};

/* Everything about a subject that is not our client. */
struct subject_rules {
    struct subject_pair env[SUBJECT_ENV_MAX]; /* hooks by names of their own included */
    uint32_t env_count;
    struct exec_rules exec;
    struct service_rules service;
};

#endif
