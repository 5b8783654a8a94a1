#ifndef HARNESS_EXIT_CODE_H
#define HARNESS_EXIT_CODE_H

/* What a command says to the shell that called it (design §7). Of several files the worst counts:
 * not carried out, then fail, then inconclusive, then pass. */

enum exit_code {
    EXIT_PASS = 0,
    EXIT_USAGE = 2,           /* bad usage or scenario: nothing was run */
    EXIT_NOT_CARRIED_OUT = 3, /* mock died, disk full, too few descriptors */
    EXIT_INCONCLUSIVE = 98,
    EXIT_FAIL = 99,
    EXIT_INTERRUPTED = 130,
};

enum exit_code exit_code_worse(enum exit_code a, enum exit_code b);

#endif
