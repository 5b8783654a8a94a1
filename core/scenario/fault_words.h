#ifndef SCENARIO_FAULT_WORDS_H
#define SCENARIO_FAULT_WORDS_H

/* The faults a scenario may name: one list for the reader, for `brownout faults`, and, held to it
 * by a test, for the schema and docs/faults.md. What a word puts into `struct fault`
 * (fault/chaos.h):
 *
 *     status            STATUS status, failure, advice. 200 (with `failure`): and QUIRK_ERROR_BODY
 *     reset             RESET close
 *     late_first_token  LATE_FIRST delay
 *     slow_tokens       SLOW_TOKENS factor
 *     context_window    CONTEXT_WINDOW tokens
 *     stall             STALL tokens; behind pings or comments: QUIRK_PINGS, QUIRK_COMMENTS
 *     freeze            FREEZE tokens, delay
 *     tokens_per_event  TOKENS_PER_EVENT tokens
 *     error_event       CUT tokens, close END, failure, QUIRK_ERROR_EVENT; documented form: and
 *                       QUIRK_FLAT_ERROR
 *     cut               CUT tokens, close; inside an event: QUIRK_INSIDE_EVENT
 *     connection        CONNECTION connection, and close, delay or tokens as that wants
 *     capacity          CAPACITY factor
 *     slow_headers      QUIRKS delay (between bytes), QUIRK_SLOW_HEADERS
 *     broken_json, duplicate_event, reorder_events
 *                       QUIRKS tokens (before that event), and its own quirk
 *     runaway           QUIRKS tokens (of the answer), QUIRK_RUNAWAY
 *     usage             QUIRKS factor (of {"times": ...}), one of QUIRK_USAGE_*
 *     headers           QUIRKS headers, QUIRK_HEADERS
 *     body              QUIRKS body, QUIRK_BODY
 *     content_type      QUIRKS content_type (null: empty), QUIRK_CONTENT_TYPE
 *     others            QUIRKS, by the quirk of that name alone
 *
 * The last three may stand beside another word and then add their quirk to its kind. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/format.h"

/* What may stand beside a word. */
enum {
    FAULT_TAKES_HEAD = 1, /* headers, content_type: an answer is written */
    FAULT_TAKES_BODY = 2, /* body: its tokens do not matter */
    FAULT_STANDS_BESIDE = 4,
};

/* name, word, what may stand beside it, where it works, what it does, an example */
#define FAULT_WORD_LIST(X)                                                                         \
    X(STATUS, "status", FAULT_TAKES_HEAD | FAULT_TAKES_BODY, "streams, whole",                     \
      "an error status with the provider's own body, with advice and another failure as said; "    \
      "200 with an error body",                                                                    \
      "{\"status\": 529, \"retry_after\": \"1.5s\"}")                                              \
    X(RESET, "reset", 0, "streams, whole",                                                         \
      "no answer at all: the connection ends by FIN or RST once the request is in",                \
      "{\"reset\": \"rst\"}")                                                                      \
    X(SLOW_HEADERS, "slow_headers", FAULT_TAKES_HEAD | FAULT_TAKES_BODY, "streams, whole",         \
      "the head comes one byte at a time, a span apart", "{\"slow_headers\": \"5ms\"}")            \
    X(LATE_FIRST_TOKEN, "late_first_token", FAULT_TAKES_HEAD, "streams, whole",                    \
      "the first token comes later by a span", "{\"late_first_token\": \"3s\"}")                   \
    X(SLOW_TOKENS, "slow_tokens", FAULT_TAKES_HEAD, "streams, whole",                              \
      "gaps between tokens times a factor: a brownout, no error at all", "{\"slow_tokens\": 10}")  \
    X(CONTEXT_WINDOW, "context_window", FAULT_TAKES_HEAD, "streams, whole",                        \
      "the window shrinks: longer inputs get the true context-length refusal",                     \
      "{\"context_window\": 7000}")                                                                \
    X(STALL, "stall", FAULT_TAKES_HEAD, "streams, whole",                                          \
      "silence after some tokens, the connection stays open; behind pings or comments on streams", \
      "{\"stall\": {\"after_tokens\": 12, \"behind\": \"pings\"}}")                                \
    X(FREEZE, "freeze", FAULT_TAKES_HEAD, "streams, whole",                                        \
      "silence of a span after some tokens, then all that was due at once",                        \
      "{\"freeze\": {\"after_tokens\": 12, \"for\": \"3s\"}}")                                     \
    X(ONE_BYTE, "one_byte", FAULT_TAKES_HEAD | FAULT_TAKES_BODY, "streams, whole",                 \
      "one byte per write", "{\"one_byte\": true}")                                                \
    X(SPLIT, "split", FAULT_TAKES_HEAD, "streams",                                                 \
      "writes end inside UTF-8 sequences, or between the CR and LF that events then end in",       \
      "{\"split\": \"utf8\"}")                                                                     \
    X(TOKENS_PER_EVENT, "tokens_per_event", FAULT_TAKES_HEAD, "streams",                           \
      "many tokens in one event", "{\"tokens_per_event\": 50}")                                    \
    X(ERROR_EVENT, "error_event", FAULT_TAKES_HEAD, "streams",                                     \
      "the provider's error event after some tokens, then the end",                                \
      "{\"error_event\": {\"after_tokens\": 5, \"failure\": \"overloaded\", \"form\": \"wire\"}}") \
    X(CUT, "cut", FAULT_TAKES_HEAD, "streams, whole",                                              \
      "the answer ends after some tokens, by an orderly end, FIN or RST, inside an event or not",  \
      "{\"cut\": {\"after_tokens\": 5, \"by\": \"fin\", \"inside_event\": true}}")                 \
    X(BROKEN_JSON, "broken_json", FAULT_TAKES_HEAD, "streams, whole",                              \
      "the JSON of one event, or of the body, is broken",                                          \
      "{\"broken_json\": {\"after_tokens\": 5}}")                                                  \
    X(DUPLICATE_EVENT, "duplicate_event", FAULT_TAKES_HEAD, "streams", "one event comes twice",    \
      "{\"duplicate_event\": {\"after_tokens\": 5}}")                                              \
    X(REORDER_EVENTS, "reorder_events", FAULT_TAKES_HEAD, "streams", "two events change places",   \
      "{\"reorder_events\": {\"after_tokens\": 5}}")                                               \
    X(DONE, "done", FAULT_TAKES_HEAD, "streams",                                                   \
      "[DONE] is missing, comes early, or on an API that has none", "{\"done\": \"missing\"}")     \
    X(EVENT_NAMES, "event_names", FAULT_TAKES_HEAD, "streams",                                     \
      "false: events come without their event: line", "{\"event_names\": false}")                  \
    X(USAGE, "usage", FAULT_TAKES_HEAD, "streams, whole",                                          \
      "usage is missing, zero, or wrong by a factor", "{\"usage\": {\"times\": 3}}")               \
    X(EMPTY_ANSWER, "empty_answer", FAULT_TAKES_HEAD, "streams, whole",                            \
      "a whole answer without any output", "{\"empty_answer\": true}")                             \
    X(RUNAWAY, "runaway", FAULT_TAKES_HEAD, "streams, whole",                                      \
      "an answer of so many tokens, whatever max_tokens says", "{\"runaway\": 5000}")              \
    X(FOREIGN_TEXT, "foreign_text", FAULT_TAKES_HEAD, "streams, whole",                            \
      "text in the wrong language", "{\"foreign_text\": true}")                                    \
    X(HEADERS, "headers", FAULT_TAKES_HEAD | FAULT_TAKES_BODY | FAULT_STANDS_BESIDE,               \
      "streams, whole", "header lines added, said twice, or (null) taken away",                    \
      "{\"headers\": {\"x-should-retry\": \"false\", \"retry-after\": [\"1\", \"3600\"], "         \
      "\"x-request-id\": null}}")                                                                  \
    X(CONTENT_TYPE, "content_type", FAULT_TAKES_HEAD | FAULT_TAKES_BODY | FAULT_STANDS_BESIDE,     \
      "streams, whole", "another content type, or (null) none", "{\"content_type\": null}")        \
    X(BODY, "body", FAULT_TAKES_HEAD | FAULT_TAKES_BODY | FAULT_STANDS_BESIDE, "streams, whole",   \
      "a given body, or an empty one, instead of the provider's own", "{\"body\": \"<html>\"}")    \
    X(CONNECTION, "connection", 0, "connections",                                                  \
      "refused, closed, reset, silent, closed when idle, accepted slowly, or limited in number",   \
      "{\"connection\": {\"idle_closed\": {\"after\": \"5s\", \"by\": \"fin\"}}}")                 \
    X(CAPACITY, "capacity", 0, "models with capacity",                                             \
      "only this share of the model's places works", "{\"capacity\": \"30%\"}")

#define FAULT_WORD_ENUM(name, word, takes, where, about, example) FAULT_WORD_##name,
enum fault_word { FAULT_WORD_LIST(FAULT_WORD_ENUM) FAULT_WORDS_COUNT };
#undef FAULT_WORD_ENUM

struct fault_word_card {
    const char *word;
    unsigned takes; /* FAULT_TAKES_... */
    const char *where;
    const char *about;
    const char *example; /* a fault that a rule may have */
};

const struct fault_word_card *fault_word_card(enum fault_word word);

/* The quirks (enum quirk) that no answer of this API has a place for: no [DONE] to be missing, or
 * no `event:` lines. */
uint32_t fault_quirks_impossible(enum api api);

#endif
