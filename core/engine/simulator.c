#include "engine/simulator.h"

#include <assert.h>
#include <string.h>

#include "base/timers.h"
#include "engine/client.h"
#include "engine/link.h"
#include "engine/observe.h"
#include "engine/upstream.h"
#include "engine/wires.h"

enum {
  NO_EXCHANGE = UINT32_MAX,
  STEPS_PER_ASK = 4096, /* steps between two looks at is_interrupted */
  RUN_TAG = 1,          /* names response ids; the same every time */
  REQUEST_HEAD_BYTES_MAX = 8192,
  HELD_BYTES_MAX = 64 << 20, /* of one request */
};

/* How long after the last call the monitor may still see its alerts delivered.
 */
static const nanos MONITOR_PATIENCE = 5 * NANOS_S;

/* What travels on the link. */
enum message_kind {
  TO_CLIENT_CONNECTED, /* a new connection is there: the request may leave
                          (carried along) */
  TO_UPSTREAM_REQUEST, /* first: path and headers, second: body; exchange: the
                          provider; number: is_new */
  TO_UPSTREAM_CANCEL,  /* the client left */
  TO_CLOSED_DOOR, /* a request on a connection that the server has closed */
  TO_CLIENT_HEAD, /* first: headers; number: status */
  TO_CLIENT_BODY,
  TO_CLIENT_TOLD,    /* first: a struct told_answer */
  TO_CLIENT_END,     /* number: enum upstream_end */
  TO_UPSTREAM_ALERT, /* first: headers, second: body; exchange: the hook;
                        attempt: the post */
  TO_MONITOR_HEAD,   /* first: headers; number: status; exchange: the hook;
                        attempt: the post */
  TO_MONITOR_END,    /* number: enum upstream_end; likewise */
};

/* The line of one client slot: who is at its other end. */
struct line {
  uint32_t attempt;  /* the attempt that is on it */
  uint32_t exchange; /* at the upstream, once the request arrived */
  uint32_t provider;
  struct wire wire;
  bool is_wired; /* the server has accepted it */
  struct call_id call;
  bool is_open; /* the client still waits for this attempt */
};

/* And the other way round, by exchange. */
struct far_end {
  uint32_t slot, attempt;
  uint32_t connection;
  bool is_over; /* journalled: the exchange may be someone else's by now */
  bool is_hook; /* then `slot` is the hook, `attempt` the post */
};

/* The monitor's line to one hook: a connection that stays open. */
struct hook_line {
  uint32_t connection; /* number; 0 before the first post */
  uint32_t posts;      /* made so far; the latest is the one under way */
  uint32_t exchange;   /* at the upstream, once it arrived */
  bool is_open;        /* the monitor still waits for it */
  uint16_t status;     /* of its answer, once the head is there, */
  nanos advice_wait;   /* and its advice */
};

/* A request that came in before its connection was accepted (CONNECTION_SLOW).
 */
struct held {
  struct link_message message;
  struct buffer bytes;
};

struct world {
  const struct simulation *simulation;
  const struct scenario *scenario;
  struct client *client;
  struct upstream *upstream;
  struct link link;
  nanos now;
  struct line *lines;  /* by client slot */
  struct far_end *far; /* by exchange */
  uint32_t exchanges_max;
  uint32_t slots;
  struct wires wires[SCENARIO_PROVIDERS_MAX];
  uint32_t connections;      /* numbered so far */
  bool has_connection_rules; /* else none of what is below is looked at */
  struct timers slow; /* by client slot: when what it holds is accepted */
  struct held *held;  /* likewise */
  struct hook_line hooks[HOOK_KINDS_COUNT];
  struct http_header headers[HTTP1_HEADERS_MAX];
  bool speaks_values; /* requests travel as values, not as bytes */
  struct buffer
      request; /* path and headers of one that leaves, a line for the path */
  enum rc rc;  /* RC_OK, or why the world ends */
};

/* --- telling
 * ----------------------------------------------------------------------------------
 */

static void tell(struct world *w, const struct call_id *call, uint32_t attempt,
                 const char *what) {
  if (w->simulation->on_step != NULL)
    w->simulation->on_step(w->simulation->context, w->now, call, attempt, what);
}

static void post(struct world *w, enum link_lane lane,
                 const struct link_message *message) {
  enum rc rc = link_post(&w->link, lane, w->now, message);

  if (rc != RC_OK && w->rc == RC_OK)
    w->rc = rc;
}

static nanos latency(const struct world *w) {
  return w->scenario->link.latency;
}

/* A value as the stretch of bytes that the link carries. */
#define BYTES_OF(value)                                                        \
  ((struct slice){(const char *)(value), sizeof(*(value))})

/* --- the monitor
 * ------------------------------------------------------------------------------
 */

static void note_call(struct world *w, const struct call_record *call) {
  char id[CALL_ID_TEXT_MAX];
  struct observation observation;

  if (w->simulation->monitor == NULL)
    return;
  observation = observe_call(w->scenario, call, id);
  monitor_note(w->simulation->monitor, &observation, w->now);
}

static void apply_post(struct world *w, const struct monitor_effect *effect) {
  struct hook_line *line = &w->hooks[effect->hook];

  if (line->connection == 0)
    line->connection = ++w->connections;
  line->is_open = true;
  line->exchange = NO_EXCHANGE;
  line->status = 0;
  line->advice_wait = 0;
  post(w, LINK_POOLED,
       &(struct link_message){.kind = TO_UPSTREAM_ALERT,
                              .attempt = ++line->posts,
                              .exchange = effect->hook,
                              .connection = line->connection,
                              .first = effect->headers,
                              .second = effect->body});
}

/* A post that is given up takes its connection with it. */
static void cancel_post(struct world *w, enum hook_kind hook) {
  struct hook_line *line = &w->hooks[hook];

  if (line->exchange != NO_EXCHANGE)
    post(w, LINK_POOLED,
         &(struct link_message){.kind = TO_UPSTREAM_CANCEL,
                                .exchange = line->exchange,
                                .connection = line->connection});
  line->is_open = false;
  line->connection = 0;
}

static void apply_monitor(struct world *w) {
  struct monitor_effect effect;

  while (w->simulation->monitor != NULL &&
         monitor_next(w->simulation->monitor, &effect)) {
    switch (effect.kind) {
    case MONITOR_POST:
      apply_post(w, &effect);
      break;
    case MONITOR_CANCEL:
      cancel_post(w, effect.hook);
      break;
    case MONITOR_SETTLED:
      if (w->simulation->on_alert != NULL)
        w->simulation->on_alert(w->simulation->context, effect.record);
      break;
    }
  }
}

static nanos monitor_at(const struct world *w) {
  const struct monitor *monitor = w->simulation->monitor;

  return monitor != NULL ? monitor_wakes_at(monitor) : NANOS_NEVER;
}

/* --- the client's effects
 * --------------------------------------------------------------------- */

static void step_client(struct world *w, enum client_event_kind kind,
                        uint32_t slot, uint32_t attempt) {
  client_step(w->client, &(struct client_event){.kind = kind,
                                                .at = w->now,
                                                .slot = slot,
                                                .attempt = attempt});
}

/* Path and headers travel together; the told value alone. */
static struct slice head_of(struct world *w,
                            const struct client_effect *effect) {
  if (effect->told != NULL)
    return BYTES_OF(effect->told);
  buffer_clear(&w->request);
  buffer_append(&w->request, effect->path);
  buffer_byte(&w->request, '\n');
  buffer_append(&w->request, effect->headers);
  if (w->request.rc != RC_OK && w->rc == RC_OK)
    w->rc = w->request.rc;
  return buffer_slice(&w->request);
}

static void note_connection(struct world *w, const struct line *line) {
  struct upstream_note note = {
      .provider = line->provider,
      .connection = line->wire.number,
      .accepted_at = w->now,
      .rule = line->wire.plan.rule,
      .what = wire_fault_text(&line->wire.plan),
  };

  (void)upstream_note(w->upstream, &note,
                      w->now); /* a full journal has said enough of them */
}

/* An idle connection for the line's request; false when a new one must be
 * opened. */
static bool take_wire(struct world *w, struct line *line,
                      enum wire_fate *fate) {
  struct wires *wires = &w->wires[line->provider];

  while (wires_take(wires, &w->scenario->link, w->now, &line->wire, fate)) {
    if (*fate != WIRE_CARRIES)
      note_connection(w, line);
    if (*fate != WIRE_GONE)
      return true;
  }
  line->wire =
      (struct wire){.number = ++w->connections, .plan = {.rule = PLAN_NO_RULE}};
  return false;
}

static void send_on_wire(struct world *w, enum wire_fate fate,
                         struct link_message *message) {
  message->kind = fate == WIRE_CARRIES ? TO_UPSTREAM_REQUEST : TO_CLOSED_DOOR;
  step_client(w, CLIENT_SENT, message->slot, message->attempt);
  if (fate != WIRE_SWALLOWS)
    post(w, LINK_POOLED, message);
}

static void apply_send(struct world *w, const struct client_effect *effect) {
  struct line *line = &w->lines[effect->slot];
  enum wire_fate fate = WIRE_CARRIES;
  struct link_message message;

  *line = (struct line){
      .attempt = effect->attempt,
      .exchange = NO_EXCHANGE,
      .provider = effect->provider,
      .call = effect->record->id,
      .is_open = true,
  };
  line->is_wired = take_wire(w, line, &fate);
  message = (struct link_message){
      .kind = TO_CLIENT_CONNECTED,
      .slot = effect->slot,
      .attempt = effect->attempt,
      .exchange = effect->provider,
      .connection = line->wire.number,
      .number = !line->is_wired,
      .first = head_of(w, effect),
      .second = effect->body,
  };
  tell(w, &line->call, effect->attempt, "send");
  step_client(w, CLIENT_HANDED, effect->slot, effect->attempt);
  if (line->is_wired)
    send_on_wire(w, fate, &message);
  else
    post(w, LINK_NEW, &message);
  line->is_wired &= fate != WIRE_RESETS; /* that was closed when it was taken */
}

/* The client waits no longer, and its connection is of no more use. */
static void hang_up(struct world *w, struct line *line) {
  line->is_open = false;
  if (line->is_wired)
    wires_close(&w->wires[line->provider]);
  line->is_wired = false;
}

static void apply_cancel(struct world *w, const struct client_effect *effect) {
  struct line *line = &w->lines[effect->slot];

  if (!line->is_open || line->attempt != effect->attempt)
    return;
  hang_up(w, line);
  tell(w, &line->call, effect->attempt, "cancel");
  if (line->exchange != NO_EXCHANGE)
    post(w, LINK_POOLED,
         &(struct link_message){.kind = TO_UPSTREAM_CANCEL,
                                .exchange = line->exchange,
                                .connection = line->wire.number});
}

static void apply_client(struct world *w) {
  struct client_effect effect;

  while (client_next(w->client, &effect)) {
    switch (effect.kind) {
    case CLIENT_SEND:
      apply_send(w, &effect);
      break;
    case CLIENT_CANCEL:
      apply_cancel(w, &effect);
      break;
    case CLIENT_DONE:
      tell(w, &effect.record->id, effect.record->attempts_count,
           outcome_word(effect.record->outcome));
      if (w->simulation->on_call != NULL)
        w->simulation->on_call(w->simulation->context, effect.record);
      note_call(w, effect.record);
      break;
    }
  }
}

/* --- the upstream's effects
 * ------------------------------------------------------------------- */

static void apply_end(struct world *w, const struct upstream_effect *effect,
                      const struct link_message *message) {
  struct far_end *far = &w->far[effect->exchange];
  struct link_message end = *message;

  end.kind = far->is_hook ? TO_MONITOR_END : TO_CLIENT_END;
  end.number = (uint64_t)effect->end;
  if (effect->told == NULL)
    post(w, LINK_ANSWER, &end);
  upstream_flushed(w->upstream, effect->exchange, 0, w->now);
}

/* What travels of an answer: of a hook's the head. */
static void apply_piece(struct world *w, const struct upstream_effect *effect,
                        struct link_message *message) {
  bool is_hook = w->far[effect->exchange].is_hook;
  bool is_head = effect->kind == UPSTREAM_HEAD;

  if (is_hook && !is_head)
    return;
  message->kind = is_hook   ? TO_MONITOR_HEAD
                  : is_head ? TO_CLIENT_HEAD
                            : TO_CLIENT_BODY;
  message->number = effect->status;
  message->first = is_head ? effect->headers : effect->body;
  post(w, LINK_ANSWER, message);
}

static void journal(struct world *w, const struct upstream_effect *effect) {
  if (effect->exchange != UPSTREAM_NO_EXCHANGE)
    w->far[effect->exchange].is_over = true;
  if (w->simulation->on_journal != NULL)
    w->simulation->on_journal(w->simulation->context, effect->record);
}

static void apply_effect(struct world *w,
                         const struct upstream_effect *effect) {
  struct far_end *far = &w->far[effect->exchange];
  struct link_message message = {.slot = far->slot,
                                 .attempt = far->attempt,
                                 .exchange = far->is_hook ? far->slot
                                                          : effect->exchange,
                                 .connection = far->connection};

  switch (effect->kind) {
  case UPSTREAM_HEAD:
  case UPSTREAM_BODY:
    apply_piece(w, effect, &message);
    break;
  case UPSTREAM_TOLD:
    message.kind = TO_CLIENT_TOLD;
    message.first = BYTES_OF(effect->told);
    post(w, LINK_ANSWER, &message);
    break;
  case UPSTREAM_END:
    apply_end(w, effect, &message);
    break;
  case UPSTREAM_JOURNAL:
    break;
  }
}

static void apply_upstream(struct world *w) {
  struct upstream_effect effect;

  while (upstream_next(w->upstream, &effect)) {
    if (effect.kind == UPSTREAM_JOURNAL)
      journal(w, &effect);
    else
      apply_effect(w, &effect);
  }
}

/* --- messages arriving
 * ------------------------------------------------------------------------ */

static struct http_request request_of(struct world *w,
                                      const struct link_message *message) {
  struct http_request request = {
      .method = SLICE("POST"), .headers = w->headers, .body = message->second};
  struct slice lines = message->first;
  struct slice line, name;

  if (message->kind == TO_UPSTREAM_ALERT)
    request.path = hook_kind_path((enum hook_kind)message->exchange);
  else
    (void)slice_cut(&lines, '\n', &request.path);
  while (request.headers_count < HTTP1_HEADERS_MAX &&
         slice_cut(&lines, '\n', &line)) {
    if (!slice_cut(&line, ':', &name))
      continue;
    w->headers[request.headers_count++] =
        (struct http_header){name, slice_trim(line)};
  }
  return request;
}

/* The connection tells, for one that was cancelled is never used again. Slot
 * and attempt do not: the next call may be in the slot, at its own first
 * attempt. */
static bool is_current(const struct world *w,
                       const struct link_message *message) {
  const struct line *line = &w->lines[message->slot];

  return line->is_open && line->wire.number == message->connection;
}

/* A request that was cancelled on its way still arrives; then its client is
 * gone. */
static void deliver_request(struct world *w,
                            const struct link_message *message) {
  bool is_new = message->number != 0;
  struct told_ask told;
  struct http_request http;
  uint32_t exchange;
  struct upstream_request request = {
      .provider = message->exchange,
      .connection = message->connection,
      .accepted_at = is_new ? w->now - w->scenario->link.latency : w->now,
      .head_in_at = w->now,
      .body_in_at = w->now,
  };

  if (w->speaks_values) {
    memcpy(&told, message->first.data, sizeof(told));
    request.told = &told;
  } else {
    http = request_of(w, message);
    request.http = &http;
  }
  if (!upstream_begin(w->upstream, &request, w->now, &exchange)) {
    w->rc = RC_LIMIT; /* cannot be: exchanges_max allows for every slot twice */
    return;
  }
  w->far[exchange] = (struct far_end){.slot = message->slot,
                                      .attempt = message->attempt,
                                      .connection = message->connection};
  if (is_current(w, message))
    w->lines[message->slot].exchange = exchange;
  else
    upstream_gone(w->upstream, exchange, 0, false, w->now);
}

/* --- connections arriving
 * --------------------------------------------------------------------- */

/* What the server does with a connection that has come. */
static struct connection_plan plan_connection(struct world *w,
                                              const struct line *line) {
  const struct chaos *chaos = upstream_chaos(w->upstream);
  struct slice provider = slice_of(w->scenario->providers[line->provider].name);
  struct wires *wires = &w->wires[line->provider];
  struct connection_plan plan = chaos_connection(
      chaos, w->scenario->seed, provider, line->wire.number, w->now);

  if (plan.fault == CONNECTION_LIMIT) {
    bool is_full = wires_count(wires, &w->scenario->link, w->now) >= plan.limit;

    plan.fault = is_full ? CONNECTION_CLOSED : CONNECTION_FINE;
    plan.close = PLAN_CLOSE_RST;
  }
  return plan;
}

static bool is_refused(struct world *w, const struct line *line) {
  nanos until;

  return chaos_refuses_connections(
      upstream_chaos(w->upstream),
      slice_of(w->scenario->providers[line->provider].name), w->now, &until);
}

static void end_attempt(struct world *w, uint32_t slot, enum client_end end) {
  struct line *line = &w->lines[slot];

  hang_up(w, line);
  client_step(w->client, &(struct client_event){.kind = CLIENT_END,
                                                .at = w->now,
                                                .slot = slot,
                                                .attempt = line->attempt,
                                                .end = end});
}

/* Accepted, and closed at once: the client has sent its request when it learns
 * of it. */
static void close_on(struct world *w, const struct link_message *message,
                     enum upstream_end how) {
  struct link_message end = {.kind = TO_CLIENT_END,
                             .slot = message->slot,
                             .attempt = message->attempt,
                             .connection = message->connection,
                             .number = (uint64_t)how};

  post(w, LINK_ANSWER, &end);
}

static void release(struct world *w, uint32_t slot) {
  struct held *held = &w->held[slot];
  struct slice bytes = buffer_slice(&held->bytes);

  held->message.first.data = bytes.data;
  held->message.second.data = bytes.data + held->message.first.size;
  deliver_request(w, &held->message);
}

/* It is read only when its connection was accepted; its bytes are on the link
 * no longer then. */
static void hold(struct world *w, const struct link_message *message,
                 nanos until) {
  struct held *held = &w->held[message->slot];

  if (w->slow.at[message->slot] != NANOS_NEVER)
    release(w, message->slot); /* of a call that was given up, and the next one
                                  is here */
  held->message = *message;
  buffer_clear(&held->bytes);
  buffer_append(&held->bytes, message->first);
  buffer_append(&held->bytes, message->second);
  if (held->bytes.rc != RC_OK && w->rc == RC_OK)
    w->rc = held->bytes.rc;
  timers_set(&w->slow, message->slot, until);
}

/* The request goes on its way, now that there is a wire. */
static void send_first(struct world *w, struct line *line,
                       struct link_message *message) {
  struct connection_plan *plan = &line->wire.plan;

  switch (plan->fault) {
  case CONNECTION_FINE:
  case CONNECTION_LIMIT:
  case CONNECTION_IDLE_CLOSED:
    post(w, LINK_POOLED, message);
    return;
  case CONNECTION_REFUSED:
    close_on(w, message, UPSTREAM_END_RST);
    break;
  case CONNECTION_CLOSED:
    close_on(w, message,
             plan->close == PLAN_CLOSE_FIN ? UPSTREAM_END_FIN
                                           : UPSTREAM_END_RST);
    break;
  case CONNECTION_SILENT:
    break;
  case CONNECTION_SLOW:
    hold(w, message, nanos_add(w->now, nanos_max(plan->delay, latency(w))));
    break;
  }
  note_connection(w, line);
}

static void deliver_connected(struct world *w,
                              const struct link_message *message) {
  struct line *line = &w->lines[message->slot];
  struct link_message request = *message;

  if (!is_current(w, message))
    return; /* given up while connecting: nothing was ever sent */
  if (w->has_connection_rules && is_refused(w, line)) {
    end_attempt(w, message->slot, END_CONNECT);
    return;
  }
  if (w->has_connection_rules)
    line->wire.plan = plan_connection(w, line);
  line->is_wired = true;
  wires_open(&w->wires[line->provider]);
  step_client(w, CLIENT_SENT, message->slot, message->attempt);
  request.kind = TO_UPSTREAM_REQUEST;
  send_first(w, line, &request);
}

/* --- alerts and their answers
 * ----------------------------------------------------------------- */

/* The line of the post that the message is about; NULL when the monitor has
 * given that up. */
static struct hook_line *post_under_way(struct world *w,
                                        const struct link_message *message) {
  struct hook_line *line = &w->hooks[message->exchange];

  return line->is_open && line->posts == message->attempt ? line : NULL;
}

static void deliver_alert(struct world *w, const struct link_message *message) {
  struct http_request http = request_of(w, message);
  uint32_t exchange;
  struct upstream_request request = {
      .provider = UPSTREAM_HOOKS,
      .connection = message->connection,
      .accepted_at = w->now,
      .head_in_at = w->now,
      .body_in_at = w->now,
      .http = &http,
  };

  if (!upstream_begin(w->upstream, &request, w->now, &exchange)) {
    w->rc = RC_LIMIT; /* cannot be: one post per hook is under way */
    return;
  }
  w->far[exchange] = (struct far_end){.slot = message->exchange,
                                      .attempt = message->attempt,
                                      .connection = message->connection,
                                      .is_hook = true};
  if (post_under_way(w, message) != NULL)
    w->hooks[message->exchange].exchange = exchange;
  else
    upstream_gone(w->upstream, exchange, 0, false, w->now);
}

static void read_head(struct answer_head *head,
                      const struct link_message *message) {
  struct slice lines = message->first;
  struct slice line;

  answer_head_clear(head);
  while (slice_cut(&lines, '\n', &line))
    answer_head_line(head, line);
  head->status = (uint16_t)message->number;
}

static void deliver_hook_head(struct world *w,
                              const struct link_message *message) {
  struct hook_line *line = post_under_way(w, message);
  struct answer_head head;

  if (line == NULL)
    return;
  read_head(&head, message);
  line->status = head.status;
  line->advice_wait =
      answer_head_advice(&head, SIMULATOR_WALL_UNIX_NS + w->now).wait;
}

/* A connection that ended otherwise than whole serves no other post. */
static void deliver_hook_end(struct world *w,
                             const struct link_message *message) {
  struct hook_line *line = post_under_way(w, message);
  bool is_whole = message->number == UPSTREAM_END_WHOLE;

  if (line == NULL)
    return;
  line->is_open = false;
  if (!is_whole)
    line->connection = 0;
  monitor_step(w->simulation->monitor,
               &(struct monitor_event){
                   .kind = is_whole ? MONITOR_ANSWERED : MONITOR_FAILED,
                   .at = w->now,
                   .hook = (enum hook_kind)message->exchange,
                   .status = line->status,
                   .advice_wait = line->advice_wait});
}

/* --- answers arriving
 * ------------------------------------------------------------------------- */

/* Told by the connection, for one that was cancelled is never used again. */
static void deliver_cancel(struct world *w,
                           const struct link_message *message) {
  struct far_end *far = &w->far[message->exchange];

  if (far->connection == message->connection && !far->is_over)
    upstream_gone(w->upstream, message->exchange, 0, false, w->now);
}

static void tell_answered(struct world *w, const struct link_message *message,
                          uint16_t status) {
  char what[] = "answered 000";

  if (w->simulation->on_step == NULL)
    return;
  for (int place = 11, rest = status; place > 8; place--, rest /= 10)
    what[place] = (char)('0' + rest % 10);
  tell(w, &w->lines[message->slot].call, message->attempt, what);
}

static void deliver_head(struct world *w, const struct link_message *message) {
  struct answer_head head;

  if (!is_current(w, message))
    return; /* the client has left this attempt */
  read_head(&head, message);
  tell_answered(w, message, head.status);
  client_step(w->client, &(struct client_event){.kind = CLIENT_HEAD,
                                                .at = w->now,
                                                .slot = message->slot,
                                                .attempt = message->attempt,
                                                .head = &head});
}

/* The answer is whole: its connection serves the next request. */
static void end_line(struct world *w, struct line *line) {
  line->is_open = false;
  line->is_wired = false;
  wires_give(&w->wires[line->provider], &line->wire, w->now);
}

static void deliver_told(struct world *w, const struct link_message *message) {
  struct told_answer told;

  if (!is_current(w, message))
    return;
  memcpy(&told, message->first.data, sizeof(told));
  if (told_begins(told.piece))
    tell_answered(w, message, told.status);
  if (told_ends(told.piece))
    end_line(w, &w->lines[message->slot]);
  client_step(w->client, &(struct client_event){.kind = CLIENT_TOLD,
                                                .at = w->now,
                                                .slot = message->slot,
                                                .attempt = message->attempt,
                                                .told = &told});
}

static void deliver_end(struct world *w, const struct link_message *message) {
  static const enum client_end ends[] = {
      [UPSTREAM_END_FIN] = END_SHORT,
      [UPSTREAM_END_RST] = END_RESET,
  };
  struct line *line = &w->lines[message->slot];

  if (!is_current(w, message))
    return;
  if (message->number != UPSTREAM_END_WHOLE) {
    end_attempt(w, message->slot, ends[message->number]);
    return;
  }
  end_line(w, line);
  client_step(w->client, &(struct client_event){.kind = CLIENT_END,
                                                .at = w->now,
                                                .slot = message->slot,
                                                .attempt = message->attempt,
                                                .end = END_WHOLE});
}

static void deliver_body(struct world *w, const struct link_message *message) {
  if (!is_current(w, message))
    return; /* the client has left this attempt */
  client_step(w->client, &(struct client_event){.kind = CLIENT_BODY,
                                                .at = w->now,
                                                .slot = message->slot,
                                                .attempt = message->attempt,
                                                .body = message->first});
}

static void deliver(struct world *w, const struct link_message *message) {
  switch ((enum message_kind)message->kind) {
  case TO_CLIENT_CONNECTED:
    deliver_connected(w, message);
    break;
  case TO_UPSTREAM_REQUEST:
    deliver_request(w, message);
    break;
  case TO_UPSTREAM_CANCEL:
    deliver_cancel(w, message);
    break;
  case TO_UPSTREAM_ALERT:
    deliver_alert(w, message);
    break;
  case TO_MONITOR_HEAD:
    deliver_hook_head(w, message);
    break;
  case TO_MONITOR_END:
    deliver_hook_end(w, message);
    break;
  case TO_CLOSED_DOOR:
    close_on(w, message, UPSTREAM_END_RST);
    break;
  case TO_CLIENT_HEAD:
    deliver_head(w, message);
    break;
  case TO_CLIENT_BODY:
    deliver_body(w, message);
    break;
  case TO_CLIENT_TOLD:
    deliver_told(w, message);
    break;
  case TO_CLIENT_END:
    deliver_end(w, message);
    break;
  }
}

/* --- the loop
 * ---------------------------------------------------------------------------------
 */

static void settle(struct world *w) {
  apply_client(w);
  apply_upstream(w);
  apply_monitor(w);
}

static nanos next_at(const struct world *w) {
  nanos at =
      nanos_min(client_wakes_at(w->client), upstream_wakes_at(w->upstream));

  if (w->has_connection_rules)
    at = nanos_min(at, timers_first_at(&w->slow));
  return nanos_min(nanos_min(at, link_first_at(&w->link)), monitor_at(w));
}

/* One instant: what arrives, then what the upstream does, then what the client
 * and the monitor do.
 */
static void step(struct world *w) {
  struct link_message message;
  uint32_t slot;

  w->now = nanos_max(w->now, next_at(w));
  while (w->has_connection_rules && timers_take(&w->slow, w->now, &slot)) {
    release(w, slot);
    settle(w);
  }
  while (w->rc == RC_OK && link_take(&w->link, w->now, &message)) {
    deliver(w, &message);
    settle(w);
  }
  while (upstream_wakes_at(w->upstream) <= w->now) {
    upstream_wake(w->upstream, w->now);
    settle(w);
  }
  if (client_wakes_at(w->client) <= w->now) {
    step_client(w, CLIENT_WAKE, 0, 0);
    settle(w);
  }
  if (monitor_at(w) <= w->now) {
    monitor_step(w->simulation->monitor,
                 &(struct monitor_event){.kind = MONITOR_WAKE, .at = w->now});
    settle(w);
  }
}

/* The calls are over; alerts may still be under way, and cancels are. */
static void run_out(struct world *w) {
  struct monitor *monitor = w->simulation->monitor;
  nanos until = nanos_add(w->now, MONITOR_PATIENCE);

  while (w->rc == RC_OK && monitor != NULL && !monitor_is_idle(monitor) &&
         next_at(w) <= until)
    step(w);
  if (monitor != NULL && !monitor_is_idle(monitor)) {
    monitor_give_up(monitor, nanos_max(w->now, until));
    apply_monitor(w);
  }
  while (w->rc == RC_OK && link_first_at(&w->link) != NANOS_NEVER)
    step(w);
}

static void run(struct world *w, struct simulation_result *result) {
  const struct simulation *simulation = w->simulation;
  uint32_t steps = 0;

  while (w->rc == RC_OK && !client_is_done(w->client)) {
    step(w);
    if (++steps % STEPS_PER_ASK == 0 && !result->was_interrupted &&
        simulation->is_interrupted != NULL &&
        simulation->is_interrupted(simulation->context)) {
      result->was_interrupted = true;
      step_client(w, CLIENT_STOP, 0, 0);
      settle(w);
    }
  }
  result->ended_at = w->now;
  run_out(w);
  upstream_stop(w->upstream, w->now);
  apply_upstream(w);
  result->calls_started = client_calls_started(w->client);
}

static bool has_connection_rules(const struct chaos *chaos) {
  for (uint32_t i = 0; i < chaos->rules_count; i++)
    if (chaos->rules[i].sequence[0].kind == FAULT_CONNECTION)
      return true;
  return false;
}

static enum rc build_wires(struct world *w) {
  const struct memory *memory = w->simulation->memory;

  for (uint32_t provider = 0; provider < w->scenario->providers_count;
       provider++)
    TRY(wires_init(&w->wires[provider], w->slots, memory));
  w->has_connection_rules = has_connection_rules(&w->scenario->chaos);
  if (!w->has_connection_rules)
    return RC_OK;
  w->held = memory_zeroed(memory, w->slots, sizeof(*w->held));
  if (w->held == NULL)
    return RC_NOMEM;
  for (uint32_t slot = 0; slot < w->slots; slot++)
    buffer_init(&w->held[slot].bytes, memory, HELD_BYTES_MAX);
  return timers_init(&w->slow, memory, w->slots);
}

static enum rc build(struct world *w, struct error *err) {
  const struct memory *memory = w->simulation->memory;
  uint32_t slots = w->scenario->load.in_flight_max;
  struct client_options client = {
      .scenario = w->scenario,
      .memory = memory,
      .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
      .marks_requests = true,
      .speaks_values = w->speaks_values,
  };
  struct upstream_options upstream = {
      .scenario = w->scenario,
      .memory = memory,
      .run_tag = RUN_TAG,
      .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
      .exchanges_max =
          2 * slots + HOOK_KINDS_COUNT +
          16, /* a cancelled one lives on until the cancel arrives */
  };

  w->exchanges_max = upstream.exchanges_max;
  w->slots = slots;
  w->lines = memory_zeroed(memory, slots, sizeof(*w->lines));
  w->far = memory_zeroed(memory, w->exchanges_max, sizeof(*w->far));
  if (w->lines == NULL || w->far == NULL)
    return error_set(err, RC_NOMEM, "simulator: out of memory");
  if (build_wires(w) != RC_OK ||
      link_init(&w->link, &w->scenario->link, memory) != RC_OK)
    return error_set(err, RC_NOMEM, "simulator: out of memory");
  TRY(client_new(&w->client, &client, err));
  TRY(upstream_new(&w->upstream, &upstream, err));
  return RC_OK;
}

static void tear_down(struct world *w) {
  const struct memory *memory = w->simulation->memory;

  client_free(w->client);
  upstream_free(w->upstream);
  link_deinit(&w->link);
  buffer_deinit(&w->request);
  memory_release(memory, w->lines);
  memory_release(memory, w->far);
  for (uint32_t provider = 0; provider < w->scenario->providers_count;
       provider++)
    wires_deinit(&w->wires[provider], memory);
  for (uint32_t slot = 0; w->held != NULL && slot < w->slots; slot++)
    buffer_deinit(&w->held[slot].bytes);
  memory_release(memory, w->held);
  timers_deinit(&w->slow);
}

enum rc simulate(const struct simulation *simulation,
                 struct simulation_result *result, struct error *err) {
  struct world *w = memory_zeroed(simulation->memory, 1, sizeof(*w));
  enum rc rc;

  *result = (struct simulation_result){0};
  if (w == NULL)
    return error_set(err, RC_NOMEM, "simulator: out of memory");
  w->simulation = simulation;
  w->scenario = simulation->scenario;
  w->speaks_values =
      !simulation->writes_bytes && told_suffices(simulation->scenario);
  buffer_init(&w->request, simulation->memory, REQUEST_HEAD_BYTES_MAX);
  rc = build(w, err);
  if (rc == RC_OK) {
    run(w, result);
    rc = w->rc;
    if (rc != RC_OK)
      error_set(err, rc, "simulator: %s", rc_text(rc));
  }
  tear_down(w);
  memory_release(simulation->memory, w);
  return rc;
}
