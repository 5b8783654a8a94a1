#ifndef MOCKSERVER_TLS_H
#define MOCKSERVER_TLS_H

/* TLS for the mock's listeners, by OpenSSL (TLS 1.2 and 1.3, no client certificates).
 *
 * Happy path: tls_open, with your certificate and key or with one made on the spot for "localhost",
 * 127.0.0.1, ::1 and the address bound to (P-256, a month, its own authority: `ca_file` is what
 * clients trust); a session per socket. The handshake happens inside the first reads and writes.
 *
 * Failure modes: files that cannot be read or written, a key that is not the certificate's
 * (RC_SYSTEM or RC_MALFORMED, with OpenSSL's reason). A session's results are those of
 * channel.h; RC_SYSTEM also for a client that speaks no TLS. `tls` outlives its sessions. One
 * thread owns all. */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

struct tls;
struct tls_session;

struct tls_options {
    const char *cert_file; /* PEM, a chain; NULL: a certificate is made */
    const char *key_file;  /* PEM, its key; beside cert_file */
    const char
        *ca_file; /* where to write the certificate that clients are to trust; NULL: nowhere */
    const char *address; /* numeric, that listeners are bound to */
};

MUST_USE enum rc tls_open(struct tls **tls, const struct tls_options *options, struct error *err);
void tls_close(struct tls *tls); /* NULL is fine */

struct tls_session *tls_session_new(struct tls *tls, int fd); /* NULL: no memory */
void tls_session_free(struct tls_session *session);           /* NULL is fine; says nothing */

MUST_USE enum rc tls_session_read(struct tls_session *session, char *bytes, size_t capacity,
                                  size_t *size, bool *wants_write);
MUST_USE enum rc tls_session_write(struct tls_session *session, struct slice bytes, size_t *size);
bool tls_session_is_shaken(const struct tls_session *session); /* its handshake is over */
void tls_session_finish(struct tls_session *session);          /* close_notify */

#endif
