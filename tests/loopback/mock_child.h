#ifndef TESTS_LOOPBACK_MOCK_CHILD_H
#define TESTS_LOOPBACK_MOCK_CHILD_H

/* A brownout-mock of a test's own, and raw clients of it.
 *
 * Happy path: mock_child_start with a scenario's text, which it reads on its standard input; one
 * end of a socket pair is its journal. mock_child_connect gives a client by the listener's name;
 * say, read, look at what was said; mock_child_stop returns its exit code, then the journal is
 * whole; mock_child_close, whatever happened. Nothing sleeps: a test waits for an event, and
 * MOCK_CHILD_PATIENCE_MS without one is a failure. What the system refuses is fatal to the test.
 *
 * The program is found by BROWNOUT_BIN ("bin" without it). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buffer.h"

enum { MOCK_CHILD_PATIENCE_MS = 20000 };

/* --- bytes from a descriptor ------------------------------------------------------------------ */

enum ending { OPEN, ENDED, RESET, SILENT };

/* Everything a descriptor said so far, and how it ended. */
struct incoming {
    struct buffer bytes;
    int fd; /* -1: closed */
    enum ending ending;
    uint64_t reads; /* that brought something */
};

void incoming_init(struct incoming *in, int fd); /* takes the descriptor */
void incoming_close(struct incoming *in);
void incoming_reset(struct incoming *in); /* closes it with RST */

/* Some more bytes. False when none come any more. */
bool incoming_more(struct incoming *in);
bool incoming_until(struct incoming *in, const char *text);
enum ending incoming_to_end(struct incoming *in);

bool incoming_said(const struct incoming *in, const char *text);
uint64_t incoming_said_times(const struct incoming *in, struct slice text);

/* --- the program ------------------------------------------------------------------------------ */

struct mock_child {
    pid_t pid;
    struct incoming out;     /* its standard output */
    struct incoming journal; /* our end of the pair */
};

struct mock_child_options {
    const char *scenario;         /* NULL: it is given none */
    const char *const *arguments; /* more of them, up to NULL; may be NULL */
    rlim_t descriptors_max;       /* 0: as ours */
};

void mock_child_clear(struct mock_child *m); /* nothing runs */
void mock_child_spawn(struct mock_child *m, const struct mock_child_options *options);
void mock_child_start(struct mock_child *m, const struct mock_child_options *options); /* and it
                                                                                          listens */
void mock_child_close(struct mock_child *m); /* kills it if it still runs */

/* Its exit code, or -1 when a signal killed it. A mock that does not end is killed. */
int mock_child_wait(struct mock_child *m);
int mock_child_stop(struct mock_child *m); /* by SIGTERM */

uint16_t mock_child_port(const struct mock_child *m, const char *listener);

/* Resident memory, in bytes. */
uint64_t mock_child_resident(const struct mock_child *m);

/* --- clients ---------------------------------------------------------------------------------- */

void mock_child_connect(const struct mock_child *m, const char *listener, struct incoming *client);

/* With a small receive buffer, so that an answer backs up at the mock. */
void mock_child_connect_small(const struct mock_child *m, const char *listener,
                              struct incoming *client);

void incoming_say(const struct incoming *client, const char *text);

/* One whole answer with a content length, and nothing behind it. Forgets what was read before. */
bool incoming_answer(struct incoming *client);
bool incoming_asks(struct incoming *client, const char *request); /* says it, reads its answer */

struct ask_text {
    const char *path; /* NULL: /v1/messages */
    const char *model;
    const char *headers; /* whole lines; NULL: a credential */
    const char *extra;   /* members of the body, each behind a comma; may be NULL */
};

/* Borrowed until the next call, like the two below: POST a message to a model. */
const char *ask_text(const struct ask_text *ask);
const char *ask_whole(const char *model);
const char *ask_stream(const char *model);

/* Does the admin listener's answer hold that? */
bool mock_child_admin_says(const struct mock_child *m, const char *request, const char *expected);

/* Until its health says so ("\"open\":1,"). */
void mock_child_await_health(const struct mock_child *m, const char *text);

#endif
