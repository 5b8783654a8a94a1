#ifndef TESTS_LOOPBACK_RAW_SERVER_H
#define TESTS_LOOPBACK_RAW_SERVER_H

/* A server that counts bytes and does as it is told: one script for every connection, one entry a
 * request. It reads each request whole, notes it, then acts. It knows no HTTP beyond that, so that
 * what it counts is what was really sent. A thread of its own; the counts may be read once it was
 * stopped. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum raw_act {
    RAW_END,         /* past the script's last entry: as the last one */
    RAW_ANSWER,      /* 200, a whole answer, keep-alive */
    RAW_CHUNKED_CUT, /* 200, a first chunk, then FIN */
    RAW_HEAD_CUT,    /* half a status line and headers, then FIN */
    RAW_CONTINUE,    /* 100, then as RAW_ANSWER */
    RAW_FIN,         /* no byte, an orderly end */
    RAW_RST,         /* no byte, a reset */
    RAW_SILENCE,     /* no byte, until the client leaves */
    RAW_GIVEN,       /* `given` */
};

enum { RAW_SCRIPT_MAX = 8, RAW_CONNECTIONS_MAX = 256 };

struct raw_server {
    enum raw_act script[RAW_SCRIPT_MAX]; /* by request of a connection */
    int listener;
    uint16_t port;
    char origin[64];
    pthread_t thread;
    pthread_t threads[RAW_CONNECTIONS_MAX];
    uint32_t threads_count;
    _Atomic uint64_t connections, requests;
    _Atomic uint64_t reused; /* requests that were not the first of their connection */
    _Atomic uint64_t left;   /* connections whose client left while we were silent */
    atomic_bool has_first_line;
    char first_line[256];      /* of the first request, */
    char first_head[4096];     /* and all of its head */
    const char *_Atomic given; /* a whole answer, keep-alive; set before the first request */
};

/* False when the system refuses. `script` ends with RAW_END. */
bool raw_server_start(struct raw_server *s, const enum raw_act *script);
void raw_server_stop(struct raw_server *s);

#endif
