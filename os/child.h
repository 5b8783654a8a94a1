#ifndef OS_CHILD_H
#define OS_CHILD_H

/* A child process: started with chosen descriptors, watched without polling, always reaped.
 *
 * Happy path: child_start, read child.out, child_wait, child_close; of a program that may leave
 * others behind: child_end before child_close.
 * Failure modes: the program cannot be started (RC_SYSTEM, with its path and the reason; os_errno
 * tells ENOENT apart).
 *
 * The child leads a process group of its own, so that Ctrl-C at the terminal reaches us alone and
 * we end the child in order; it starts with no signal blocked or ignored. It inherits standard
 * input, error, and what `kept` lists; everything else must be close-on-exec.
 * A zeroed child is closed. One thread owns it. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/nanos.h"

struct child {
    pid_t pid;           /* 0: none, or reaped */
    int pid_fd;          /* readable once it has ended; meaningful while pid is set */
    int out;             /* our end of its standard output, or -1 */
    bool has_output;     /* `out` is open */
    bool has_ended;      /* reaped */
    bool is_foreground;  /* its group has the terminal, and we take it back */
    bool was_foreground; /* it had it, at least at first */
    int exit_code;       /* meaningful once ended: 0-255, or 128 + signal */
};

struct child_options {
    const char *path;
    char *const *arguments;   /* with argv[0], NULL at the end */
    int kept;                 /* one descriptor it inherits under the same number; -1: none */
    bool captures_output;     /* its standard output into child.out, else inherited */
    bool speaks_aside;        /* its standard output goes to our standard error */
    bool has_log;             /* standard output and error go to `log`, */
    int log;                  /* this descriptor, and nothing comes from standard input */
    char *const *environment; /* NULL: ours */
    bool is_searched;         /* `path` is looked for in PATH, as a shell does */
    bool is_foreground;       /* reads the terminal: its group becomes the terminal's, when our
                                 standard input is one and ours has it */
    bool has_family;          /* it is killed when we die, and what it leaves behind comes to us */
};

MUST_USE enum rc child_start(struct child *child, const struct child_options *options,
                             struct error *err);

/* Waits until it has ended, at most `patience`. Ours is the terminal again then. */
bool child_wait(struct child *child, nanos patience);

/* To its whole group; nothing once it has ended. */
void child_signal(const struct child *child, int number);

/* Ctrl-Z at the terminal stops the child alone: then we stop as well, and go on together. */
void child_follow_stop(struct child *child);

/* Ends it and everything in its group: asks (SIGTERM), waits at most `patience`, kills. Its exit
 * code is known afterwards. Nothing of a child that was not started. */
void child_end(struct child *child, nanos patience);

/* Kills what still runs, reaps it, closes descriptors. */
void child_close(struct child *child);

#endif
