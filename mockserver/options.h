#ifndef MOCKSERVER_OPTIONS_H
#define MOCKSERVER_OPTIONS_H

/* The command line of brownout-mock. Nothing is touched here: names and numbers only. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct options {
    const char *scenario_file; /* NULL: the built-in one; "-": standard input */
    const char *journal_file;  /* NULL: none */
    int journal_fd;            /* -1: none */
    uint16_t port;             /* of the first listener; 0: free ones */
    bool wants_help;
    bool wants_version;
};

/* RC_MALFORMED, with a sentence: not such a command line. Texts are borrowed from argv. */
MUST_USE enum rc options_parse(struct options *options, int argc, char **argv, struct error *err);

extern const char options_help[];
extern const char options_version[];

#endif
