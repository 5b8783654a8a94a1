#ifndef MONITOR_ALERT_H
#define MONITOR_ALERT_H

/* An alert: what it is about, how it is named, and what it looks like at each kind of hook.
 *
 * Its key names what it may be raised for once: "budget:hourly:0" (budget and window), "slow:3",
 * "tokens:0", "error:2" (kind and cool-down period, counted from the start of the run). The key
 * travels with the post, so that a receiver can tell a repeated alert from a new one; a retried
 * delivery has the same key and the same number. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/money.h"
#include "base/nanos.h"
#include "base/slice.h"

#define ALERT_KIND_LIST(X) \
    X(BUDGET, "budget")    \
    X(SLOW, "slow")        \
    X(TOKENS, "tokens")    \
    X(ERROR, "error")

#define ALERT_KIND_ENUM(id, word) ALERT_##id,
enum alert_kind { ALERT_KIND_LIST(ALERT_KIND_ENUM) ALERT_KINDS_COUNT };
#undef ALERT_KIND_ENUM

const char *alert_kind_word(enum alert_kind kind);
bool alert_kind_find(struct slice word, enum alert_kind *kind);

/* How a hook wants its posts (wire-facts.md §11). ANY takes the alert as JSON. */
#define HOOK_KIND_LIST(X) \
    X(ANY, "any")         \
    X(SLACK, "slack")     \
    X(DISCORD, "discord")

#define HOOK_KIND_ENUM(id, word) HOOK_##id,
enum hook_kind { HOOK_KIND_LIST(HOOK_KIND_ENUM) HOOK_KINDS_COUNT };
#undef HOOK_KIND_ENUM

const char *hook_kind_word(enum hook_kind kind);
bool hook_kind_find(struct slice word, enum hook_kind *kind);
struct slice hook_kind_path(enum hook_kind kind); /* at the mock: "/any", "/slack", "/discord" */

enum { ALERT_KEY_MAX = 64, ALERT_TEXT_MAX = 256, ALERT_CALL_MAX = 64 };

struct alert {
    uint64_t number; /* from 1, in the order raised */
    enum alert_kind kind;
    uint32_t budget; /* index; ALERT_BUDGET only */
    uint64_t period; /* which window, or which cool-down */
    char key[ALERT_KEY_MAX];
    nanos raised_at;
    char call[ALERT_CALL_MAX]; /* that tipped it */
    money spent, limit;        /* ALERT_BUDGET */
    uint64_t suppressed;       /* of its kind since the one before, not posted */
    char text[ALERT_TEXT_MAX]; /* one sentence for people */
};

/* What became of one alert at one hook: a line of alerts.jsonl. */
struct alert_record {
    struct alert alert;
    enum hook_kind hook;
    bool is_delivered; /* a 2xx came back */
    uint32_t tries;
    uint16_t status;  /* of the last try; 0: no answer */
    nanos settled_at; /* delivered or given up; NANOS_NEVER: still open at the end */
};

/* "KIND:PERIOD", for a budget "budget:NAME:PERIOD", zero-terminated. It travels as a header, so
 * what of the name is not printable ASCII becomes '_'. `budget` is empty for other kinds. */
void alert_write_key(enum alert_kind kind, struct slice budget, uint64_t period,
                     char key[ALERT_KEY_MAX]);

/* The body for a hook of that kind, bounded by what the service takes and escaped as it wants. */
void alert_write_body(const struct alert *alert, enum hook_kind kind, struct buffer *body);

/* The receiver's side: is this body what that service takes, and what does it answer? The answer's
 * status and body are the service's own (Slack: 200 "ok", 400 "no_text" or "invalid_payload";
 * Discord: 204 or 400 with code 50006, 50035 or 50109; any: 200 {} or 400). `key` is filled from
 * the body where it tells it (any), else left empty. The texts of the answer live for ever. */
struct hook_answer {
    uint16_t status;
    const char *content_type;
    const char *body;
    bool is_valid;
    char key[ALERT_KEY_MAX];
};

/* An alert of somebody else's program bears no key. Guessed from its words: what it is about, and
 * which of its posts tell the same ("?error:9f86d081884c7d65": posts that differ in nothing but
 * digits and signs are one). Money comes first: «budget», «cost», «spend», «$»; then «slow»,
 * «latency», «took», «timeout»; then «token»; all else is an error. */
void alert_guess_key(struct slice body, char key[ALERT_KEY_MAX]);
bool alert_guess_read(struct slice key, enum alert_kind *kind, uint64_t *likeness);

void hook_receive(enum hook_kind kind, struct slice body, struct hook_answer *answer);

#endif
