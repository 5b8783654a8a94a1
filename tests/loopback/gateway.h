#ifndef TESTS_LOOPBACK_GATEWAY_H
#define TESTS_LOOPBACK_GATEWAY_H

/* A small service under test: a gateway that asks an OpenAI-compatible upstream and passes on what
 * it says, in a stated manner.
 *
 *     driver --POST /v1/chat/completions, or /ask--> gateway --POST /v1/chat/completions--> mock
 *
 * /ask speaks JSON of its own: {"question": "...", "stream": true} is answered by
 * {"reply": {"text": "..."}}, or by events {"delta": "..."} and {"finish": true}. GET /ready says
 * 503 until the upstream is known: the first line of a file that whoever is started instead of the
 * gateway writes, "http://127.0.0.1:PORT/v1". At its first question it makes a file `asked`
 * beside that one. Threads of its own; counts may be read once it was stopped. Answers are passed
 * on when they are whole. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    GATEWAY_HONEST = 0,
    GATEWAY_RETRIES = 1,             /* three times in all, at once */
    GATEWAY_ENDS_WHAT_BROKE_OFF = 2, /* a stream that the upstream cut is passed on as whole */
    GATEWAY_REPEATS = 4,             /* some of a stream is said twice */
    GATEWAY_NEVER_READY = 8,
    GATEWAY_TELLS_THE_KEY = 16, /* 401, and which key it was */
    GATEWAY_WARMS_UP = 32,      /* asks the upstream before it says that it is ready */
};

enum { GATEWAY_CONNECTIONS_MAX = 256, GATEWAY_PATH_MAX = 512 };

struct gateway {
    unsigned manner;
    char folder[GATEWAY_PATH_MAX]; /* of the files */
    char origin[64];
    int listener;
    pthread_t thread;
    pthread_t threads[GATEWAY_CONNECTIONS_MAX];
    uint32_t threads_count;
    _Atomic uint64_t asked; /* questions, not readiness */
};

/* False when the system refuses. */
bool gateway_start(struct gateway *g, unsigned manner, const char *folder);
void gateway_stop(struct gateway *g);

#endif
