#ifndef MOCKSERVER_ADMIN_PARTS_H
#define MOCKSERVER_ADMIN_PARTS_H

/* What the files of the admin API share: its state, and how a request is read and answered.
 *
 *     admin.c          routes, the token, the watcher      admin_ask.c      reading and refusing
 *     admin_run.c      health, ports, metrics, start       admin_journal.c  finding and counting
 *     admin_wait.c     answers that are held back          admin_verify.c   expectations, laws
 *     admin_rules.c    rules, states, marks, resets
 *
 * A handler writes its answer into `out` and returns the status; 0: it will be answered later. */

#include <stdbool.h>
#include <stdint.h>

#include "admin.h"
#include "base/buffer.h"
#include "base/nanos.h"
#include "canary.h"
#include "hook_box.h"
#include "journal_store.h"
#include "judge/journal_filter.h"
#include "metrics.h"
#include "scenario/read.h"

struct event;

enum { ADMIN_BODY_BYTES_MAX = 1 << 20, ADMIN_TAIL_MAX = 128 };
#define ADMIN_ANSWER_BYTES_MAX ((size_t)24 << 20)
#define ADMIN_RULES_BYTES_MAX ((size_t)16 << 20)

/* Somebody who waits for something to come true. */
struct waiter {
    struct connection *connection; /* NULL: a free place */
    struct journal_filter match;
    uint64_t count;  /* matched so far, */
    uint64_t least;  /* and how many are waited for; 0: any */
    nanos quiet;     /* for so long nothing is to have happened; 0: not asked for */
    nanos active_at; /* when something last did. Instants here are of the monotonic clock */
    nanos asked_at;
    nanos gives_up_at;
};

struct admin_place {
    char name[32];
    char url[96];
};

struct admin {
    struct admin_options options;
    struct mock *mock;
    struct journal_store *store;
    struct metrics *metrics;
    struct canaries canaries;
    struct hook_box hooks;
    struct admin_place places[ADMIN_PLACES_MAX];
    uint32_t places_count;
    struct waiter waiters[ADMIN_WAITERS_MAX];
    uint32_t waiters_count;
    struct event *alarm;     /* the next instant at which a wait may be over; or at once */
    nanos active_at;         /* a request came, or an exchange was over */
    struct scenario *asking; /* the scenario, with the laws of a request: for laws_read */
    struct arena rules;      /* what rules that were added consist of */
    struct buffer out;
    struct connection_owner owner;
};

struct admin_request {
    struct connection *connection;
    const struct http_request *http;
    struct slice query;
    struct slice tail; /* what the `*` of its path stood for */
};

typedef uint16_t admin_serve(struct admin *a, const struct admin_request *request);

admin_serve admin_health, admin_ports, admin_metrics, admin_start, admin_canaries;
admin_serve admin_journal, admin_count, admin_forget, admin_hooks;
admin_serve admin_wait;
admin_serve admin_verify;
admin_serve admin_rules, admin_rule, admin_put_rules, admin_change_rule, admin_drop_rule;
admin_serve admin_reset_rules, admin_states, admin_set_states, admin_mark, admin_reset;

/* --- reading (admin_ask.c) -------------------------------------------------------------------- */

/* One object, from the body or, without one, from the query: members that `keys` knows stand at its
 * top, all others in "match". What is wrong is answered already when this is not RC_OK. */
MUST_USE enum rc admin_read(struct admin *a, const struct admin_request *request,
                            const struct read_key *keys, size_t keys_count, void *into,
                            uint16_t *status);

/* Readers of fields. */
enum rc admin_read_count(struct reading *r, const struct value *value, void *out); /* uint64_t */

/* The answer {"ok":false,"error":"..."}; returns `status`. */
uint16_t admin_refuse(struct admin *a, uint16_t status, const char *format, ...) PRINTF_LIKE(3, 4);

/* 400, or 507 without memory. */
uint16_t admin_refuse_error(struct admin *a, const struct error *err);

/* Exchanges under way that the filter may come to match: those of its isolation path, if it asks
 * for one, else all. */
uint32_t admin_open_count(const struct admin *a, const struct journal_filter *filter);

/* --- waiting (admin_wait.c) ------------------------------------------------------------------- */

MUST_USE enum rc admin_wait_open(struct admin *a, struct error *err);
void admin_wait_close(struct admin *a);
void admin_wait_note(struct admin *a, const struct journal_record *record);
void admin_wait_drop(struct admin *a, const struct connection *c);

/* How an answer leaves, for those that were held back. */
void admin_answer(struct admin *a, struct connection *c, uint16_t status);

#endif
