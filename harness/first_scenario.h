#ifndef HARNESS_FIRST_SCENARIO_H
#define HARNESS_FIRST_SCENARIO_H

/* A first scenario, for somebody who has none: whose conduct, which provider, what went wrong.
 *
 *     first_scenario_write(&wish, "brownout.jsonc", &out)
 *
 * What comes out passes `check` without a warning, and for a client passes `sim`. It is written for
 * a reader: comments say what may be changed. For a command faults are counted, so that a program
 * of a few calls meets them; for the others they lie in windows of a load. Pure; a full buffer says
 * so itself. */

#include "base/buffer.h"
#include "base/error.h"
#include "scenario/subject.h"

/* The words of the command line, and what a person is told of each. The first is the default. */
#define FIRST_SUBJECT_LIST(X)                                              \
    X(SUBJECT_EXEC, "exec", "a command of yours, in any language")         \
    X(SUBJECT_SERVICE, "service", "a running service, a gateway, a proxy") \
    X(SUBJECT_CLIENT, "client", "a policy, before there is code")

#define FIRST_PROVIDER_LIST(X)                                     \
    X(API_ANTHROPIC, "anthropic", "Messages; claude-sonnet-4-5")   \
    X(API_OPENAI_CHAT, "openai", "Chat Completions, or Responses") \
    X(API_GEMINI, "gemini", "generateContent")

#define FIRST_TROUBLE_LIST(X)                                     \
    X(TROUBLE_OVERLOAD, "overload", "\"overloaded\": 529 or 503") \
    X(TROUBLE_LIMITS, "limits", "\"rate limit reached\": 429")    \
    X(TROUBLE_STREAMS, "streams", "answers that break off")       \
    X(TROUBLE_SLOW, "slow", "answers that take for ever")         \
    X(TROUBLE_ALL, "all", "all of it, one after another")

#define FIRST_TROUBLE_ENUM(id, word, about) id,
enum first_trouble { FIRST_TROUBLE_LIST(FIRST_TROUBLE_ENUM) TROUBLES_COUNT };
#undef FIRST_TROUBLE_ENUM

struct first_scenario {
    enum subject subject;
    enum api api;
    const char *model; /* NULL: one that this provider has */
    enum first_trouble trouble;
};

/* What a question may be answered with, by number; NULL past the last. */
enum first_question { FIRST_SUBJECT, FIRST_PROVIDER, FIRST_TROUBLE, FIRST_QUESTIONS_COUNT };
const char *first_scenario_word(enum first_question question, uint32_t index, const char **about);

/* Takes such a word as the wish's; RC_MALFORMED and a sentence, with the nearest known word. */
MUST_USE enum rc first_scenario_take(struct first_scenario *wish, enum first_question question,
                                     const char *word, struct error *err);

/* A model's name: not empty, one line, at most 63 bytes. */
MUST_USE enum rc first_scenario_take_model(struct first_scenario *wish, const char *name,
                                           struct error *err);

const char *first_scenario_model(const struct first_scenario *wish);

/* `file` is the name it will have, for its first lines. */
void first_scenario_write(const struct first_scenario *wish, const char *file, struct buffer *out);

/* The command line to type next, as far as it can be known. */
void first_scenario_write_next(const struct first_scenario *wish, const char *file,
                               struct buffer *out);

#endif
