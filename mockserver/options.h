#ifndef MOCKSERVER_OPTIONS_H
#define MOCKSERVER_OPTIONS_H

/* The command line of brownout-mock. Nothing is touched here: names and numbers only, and what of
 * them goes together. An address that others can reach needs a token for the admin listener. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/nanos.h"
#include "canary.h"

struct options {
    const char *scenario_file; /* NULL: the built-in one; "-": standard input */
    const char *journal_file;  /* NULL: none */
    int journal_fd;            /* -1: none */
    uint16_t port;             /* of the first listener; 0: free ones */
    const char *address;       /* numeric; "127.0.0.1" unless told */
    const char *token_file;    /* of the admin listener; NULL: no token */
    struct canaries canaries;
    bool has_tls;
    const char *tls_cert_file; /* NULL: a certificate is made */
    const char *tls_key_file;  /* beside it */
    const char *tls_ca_file;   /* where to write what clients are to trust; NULL: nowhere */
    nanos patience;            /* with a client that sends slowly; above 0 */
    bool wants_help;
    bool wants_version;
};

/* RC_MALFORMED, with a sentence: not such a command line. Texts are borrowed from argv. */
MUST_USE enum rc options_parse(struct options *options, int argc, char **argv, struct error *err);

extern const char options_help[];
extern const char options_version[];

#endif
