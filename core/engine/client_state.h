#ifndef ENGINE_CLIENT_STATE_H
#define ENGINE_CLIENT_STATE_H

/* The inside of the client engine (engine/client.h), shared by the files that make it up and by
 * nobody else:
 *
 *   client.c           calls and events: when they begin, what comes, when time is over
 *   client_attempts.c  one attempt: its request, its money, what is done after it
 *   client_slots.c     what a slot is doing, and when it acts */

#include "base/buffer.h"
#include "base/timers.h"
#include "engine/answer_reader.h"
#include "engine/client.h"
#include "engine/service_ask.h"
#include "policy/conduct.h"
#include "scenario/source.h"

/* What a slot is doing. One door: slots_enter(). */
enum slot_state {
    SLOT_FREE,
    SLOT_SENDING, /* the send effect waits to be taken */
    SLOT_HANDED,  /* with the transport, not yet on a connected wire */
    SLOT_SENT,    /* on the wire, or answering */
    SLOT_WAITING, /* between two attempts, until acts_at */
    SLOT_ENDING,  /* given up, but sleeping once more until acts_at, as naive loops do */
    SLOT_DONE,    /* the done effect waits to be taken */
};

struct slot {
    enum slot_state state;
    uint32_t next_free;
    struct call_plan plan;
    char id_text[CALL_ID_TEXT_MAX];
    uint32_t id_size;
    uint64_t id_hash;
    struct conduct_state conduct;
    uint32_t model; /* of the present or next attempt */
    uint32_t layer; /* which makes the next attempt */
    nanos acts_at;  /* WAITING, ENDING */
    enum outcome ends_as;
    struct call_record record;
    struct answer_reader reader;
    struct buffer path;
    struct buffer headers;
    struct buffer body;
    bool has_space; /* reader and buffers are set up: the slot was used before */
};

/* An effect that waits to be taken. */
struct pending {
    enum client_effect_kind kind;
    uint32_t slot;
    uint32_t attempt;
};

struct client {
    struct client_options options;
    const struct scenario *scenario;
    struct source source;
    struct call_plan next; /* of the source */
    bool has_next;
    bool is_cut; /* what is open ends, what comes is unfinished */
    nanos latest_due_at;
    nanos latest_at; /* newest event, to assert time's direction */
    uint64_t calls_started;
    uint32_t calls_open;
    struct slot *slots;
    uint32_t slots_max;
    uint32_t slots_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first;
    uint32_t releasing; /* slot of the done effect handed out last */
    struct timers timers;
    struct retry_budget *budgets; /* CONDUCT_LAYERS_MAX an instance */
    struct pending *queue;        /* ring */
    uint32_t queue_size, queue_first, queue_count;
    struct buffer prompt;       /* of a request to others than our mock, while it is written */
    bool asks_service;          /* under test, */
    struct service_ask service; /* ... in this way */
    uint64_t jitter_stream;     /* of random draws */
    struct refusals refusals;
    struct told_ask told; /* of the send effect handed out last */
};

/* --- client_slots.c --------------------------------------------------------------------------- */

/* When something must happen in a slot, and what it would be. */
struct alarm {
    nanos at;
    enum outcome strikes;
};

/* The present attempt, or the latest. */
struct attempt_record *slot_attempt(struct slot *slot);
bool slot_has_attempt(const struct slot *slot);

struct alarm slots_alarm(const struct client *c, const struct slot *slot);
void slots_set_alarm(struct client *c, uint32_t index);
void slots_enter(struct client *c, uint32_t index, enum slot_state state);
nanos slots_call_ends_at(const struct client *c, const struct slot *slot);

/* An effect; and a place of their ring by its distance from the start. */
void slots_push(struct client *c, enum client_effect_kind kind, uint32_t index);
uint32_t slots_place(const struct client *c, uint32_t at);

/* --- client_attempts.c ------------------------------------------------------------------------ */

/* Where its present or next attempt goes, and in which format. */
uint32_t slot_provider(const struct client *c, const struct slot *slot);
enum api slot_api(const struct client *c, const struct slot *slot);

/* What max_tokens asks for. */
uint32_t attempts_tokens_max(const struct client *c, const struct slot *slot);

void attempts_begin(struct client *c, uint32_t index);

/* It is over as `outcome`: the client's conduct says what comes next. */
void attempts_end(struct client *c, uint32_t index, enum outcome outcome, nanos now);

/* The call is over. */
void attempts_finish(struct client *c, uint32_t index, enum outcome outcome, nanos ended_at);
void attempts_leave_unfinished(struct client *c, uint32_t index, nanos now);

#endif
