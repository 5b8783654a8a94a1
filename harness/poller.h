#ifndef HARNESS_POLLER_H
#define HARNESS_POLLER_H

/* Readiness of many sockets at nanosecond precision: epoll, with as few calls as can be.
 *
 * Happy path: poller_want says what an owner waits for on a socket; poller_wait sleeps; poller_next
 * hands out what became ready. poller_close_socket closes one. A socket that was closed elsewhere
 * is forgotten by poller_forget when its number is used again: the kernel dropped it by itself, and
 * what is remembered of it would keep the new one from being watched.
 *
 * libcurl takes a socket off after every transfer and puts it on again for the next one. Here a
 * socket that nobody waits for stays registered until it speaks, and only then is taken off: a
 * keep-alive request costs no epoll_ctl at all.
 *
 * Waiting is done by epoll_pwait2; on kernels without it (before 5.11) by epoll_wait, rounded up to
 * milliseconds. Failure modes: poller_open (the system), poller_want (memory, the system; the
 * socket is then not watched). One thread owns it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"

enum { POLLER_READABLE = 1, POLLER_WRITABLE = 2, POLLER_BROKEN = 4, POLLER_BATCH_MAX = 64 };

struct poller_socket {
    void *owner;        /* who waits; meaningful while wanted */
    uint8_t wanted;     /* POLLER_READABLE, POLLER_WRITABLE */
    uint8_t registered; /* what the kernel knows; 0: not in the set */
};

struct poller {
    const struct memory *memory;
    int fd;
    bool is_open;
    bool is_coarse;                /* no epoll_pwait2 here */
    struct poller_socket *sockets; /* by descriptor */
    uint32_t sockets_max;
    struct epoll_event batch[POLLER_BATCH_MAX];
    int batch_count, batch_next;
};

struct poller_event {
    int fd;
    void *owner;
    unsigned ready; /* POLLER_* bits */
};

MUST_USE enum rc poller_open(struct poller *p, const struct memory *memory, struct error *err);
void poller_close(struct poller *p); /* a zeroed poller is closed */

/* 0 for nothing. */
MUST_USE enum rc poller_want(struct poller *p, int fd, unsigned wanted, void *owner);

/* This number is a new socket's: whatever it was before is gone. */
void poller_forget(struct poller *p, int fd);

/* Closes a socket and forgets what it was. */
void poller_close_socket(struct poller *p, int fd);

/* Sleeps until something is ready, at most `patience` (0: not at all; NANOS_NEVER). */
void poller_wait(struct poller *p, nanos patience);

/* The next of what became ready and is still wanted; false when that is all. */
bool poller_next(struct poller *p, struct poller_event *event);

#endif
