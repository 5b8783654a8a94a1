#ifndef HARNESS_SURROUNDINGS_H
#define HARNESS_SURROUNDINGS_H

/* The environment that leads a program to the mock instead of to the real providers: base URLs of
 * every client we know (docs/base-urls.md is this table), canaries in the place of keys, and
 * BROWNOUT_* for programs that want to know more. What the scenario sets itself wins.
 *
 *     surroundings_make(&s, &options, err)
 *         --> s.environment for child_start, s.canaries for mock_process_watch
 *
 * Failure modes: memory, an environment beyond its ceiling, a template that names what is not
 * there. Keys are taken out of the environment of the program, never printed. The main thread owns
 * it; a zeroed one is empty. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "mock_process.h"
#include "scenario/scenario.h"

enum { SURROUNDINGS_SET_MAX = 128, SURROUNDINGS_CANARIES_MAX = 32 };

struct base_url_row {
    const char *variable; /* "OPENAI_BASE_URL" */
    const char *listener; /* "openai" */
    const char *suffix;   /* "/v1" */
    const char *readers;  /* who reads it: "openai (Python, Node), LangChain" */
};

/* NULL past the last. */
const struct base_url_row *base_urls_at(uint32_t index);

/* Environment variables that hold a provider's key: "ANTHROPIC_API_KEY". NULL past the last. */
const char *key_variables_at(uint32_t index);

struct surroundings_options {
    const struct scenario *scenario;
    const struct mock_process *mock;
    const char *scenario_file;    /* the copy in the results folder; NULL: there is none */
    const char *const *inherited; /* environ */
    bool keeps_keys;              /* --keep-keys */
};

struct surroundings {
    struct arena arena;
    char **environment;                     /* NULL at the end */
    struct slice set[SURROUNDINGS_SET_MAX]; /* "OPENAI_BASE_URL=http://127.0.0.1:4001/v1", keys left
                                               out: for «nothing arrived; this was set» */
    uint32_t set_count;
    struct slice canaries[SURROUNDINGS_CANARIES_MAX];
    uint32_t canaries_count;
    uint32_t variables_count, variables_room; /* of `environment`, the NULL left out */
    char tag[17];                             /* of this run's canaries */
};

MUST_USE enum rc surroundings_make(struct surroundings *s,
                                   const struct surroundings_options *options, struct error *err);

/* Puts stars over every key of this environment that stands in a text. */
void surroundings_hide(const char *const *inherited, char *text);

/* A template ("{openai}/v1") filled in; lives in the surroundings' arena. */
MUST_USE enum rc surroundings_fill(struct surroundings *s,
                                   const struct surroundings_options *options, struct slice pattern,
                                   struct slice *text, struct error *err);
void surroundings_deinit(struct surroundings *s);

#endif
