#ifndef TESTS_LOOPBACK_WORKPLACE_H
#define TESTS_LOOPBACK_WORKPLACE_H

/* A folder of its own for each test, and the programs run in it.
 *
 * Happy path: workplace_open, workplace_write a scenario, workplace_run "sim x.jsonc" (arguments
 * split at spaces, results under the folder), look at exit_code, out and err; workplace_close. For
 * what has to be met while it runs: workplace_start, workplace_await_*, workplace_finish. Nothing
 * sleeps: waiting is for events of processes and files, at most PATIENCE.
 *
 * Programs are found by BROWNOUT_BIN ("bin" without it). Failures of the place itself abort. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

enum { WORKPLACE_PATH_MAX = 512, WORKPLACE_TEXT_MAX = 1 << 18 };

struct workplace {
    char folder[WORKPLACE_PATH_MAX];
    char results[WORKPLACE_PATH_MAX]; /* given as --out to commands that take it */
    pid_t pid;                        /* running; 0: none */
    int pid_fd;
    int watch_fd;             /* inotify, on `results` */
    uint64_t descriptors_max; /* of the next program; 0: as ours */
    uint64_t file_bytes_max;  /* likewise */
    const char *input;        /* a file for its standard input; NULL: ours */
    int exit_code;            /* of the latest program; 128 + signal when killed */
    char out[WORKPLACE_TEXT_MAX], err[WORKPLACE_TEXT_MAX]; /* what it said, zero-terminated */
};

void workplace_open(struct workplace *w);
void workplace_close(struct workplace *w);

void workplace_write(struct workplace *w, const char *name, const char *text);

/* To its end; returns the exit code. */
int workplace_run(struct workplace *w, const char *arguments);

void workplace_start(struct workplace *w, const char *arguments);
int workplace_finish(struct workplace *w);

/* Until a file of the first results folder holds something ("control/calls.jsonl"), or the first
 * evidence of a call lies on disk; false after PATIENCE. */
bool workplace_await(struct workplace *w, const char *file);
bool workplace_await_calls(struct workplace *w);

/* A descriptor that becomes readable when the mock of the running program is gone; -1: no mock. */
int workplace_mock(struct workplace *w, pid_t *pid);
bool workplace_await_end(int pid_fd);

/* How many results folders there are, and a file of the n-th by name (their names sort by time and
 * number): its whole text, zero-terminated, owned by the workplace until the next call. False when
 * it is not there. */
uint32_t workplace_results_count(struct workplace *w);
bool workplace_result(struct workplace *w, uint32_t number, const char *file, struct slice *text);

/* The path of the n-th, owned likewise; "" when there is none. */
const char *workplace_folder(struct workplace *w, uint32_t number);

#endif
