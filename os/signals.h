#ifndef OS_SIGNALS_H
#define OS_SIGNALS_H

/* SIGINT, SIGTERM and SIGHUP as something to poll, instead of a handler that interrupts.
 *
 * Happy path: signals_open in main before any thread starts (threads inherit the mask), poll the
 * descriptor, signals_take. SIGPIPE is ignored from then on: a closed pipe is a failed write.
 * Children get their signals back in child_start. Failure modes: the system refuses.
 *
 * Whoever asks a second time does not want to wait for an end in order: once a signal was taken,
 * the next one that comes a second later or more ends the process at once, with exit code 130.
 * (Sooner ones may be the same key press, delivered to a group and passed on by a parent.) */

#include "base/error.h"

MUST_USE enum rc signals_open(int *fd, struct error *err);

/* Takes one signal off: its number, or 0 when none is waiting. By the thread that opened them. */
int signals_take(int fd);

/* Likewise, for those who pass signals on: the next one is waited for like this one. */
int signals_relay(int fd);

#endif
