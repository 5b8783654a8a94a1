#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

enum { CERTIFICATE_DAYS = 30, DAY_S = 86400, HOUR_S = 3600 };

struct tls {
    SSL_CTX *context;
};

/* Its own struct is OpenSSL's. */
static SSL *ssl_of(struct tls_session *session)
{
    return (SSL *)session;
}

/* OpenSSL's first reason, and none of it is left for the next one who asks. */
static enum rc fail(struct error *err, enum rc rc, const char *what)
{
    char reason[160];
    unsigned long code = ERR_get_error();

    ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    return error_set(err, rc, "TLS: %s: %s", what, code != 0 ? reason : strerror(errno));
}

/* --- a certificate of our own ----------------------------------------------------------------- */

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool is_added;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool add_names(X509 *certificate, const char *address)
{
    char names[256];

    snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1,IP:%s", address);
    return add_extension(certificate, NID_subject_alt_name, names);
}

static bool set_number(X509 *certificate)
{
    uint32_t number = 1;

    (void)!getrandom(&number, sizeof(number), 0); /* two mocks, two numbers: a wish */
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number | 1) == 1;
}

/* It vouches for itself: an authority and a server in one, since clients are told to trust this one
 * certificate. Valid from an hour ago, for clocks that are behind. */
static bool fill(X509 *certificate, EVP_PKEY *key, const char *address)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    static const unsigned char common_name[] = "brownout-mock";

    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_number(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)CERTIFICATE_DAYS * DAY_S) !=
               NULL &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_names(certificate, address) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

static enum rc use_own(struct tls *tls, const char *address, struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool is_good = key != NULL && certificate != NULL && fill(certificate, key, address) &&
                   SSL_CTX_use_certificate(tls->context, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(tls->context, key) == 1;

    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_good ? RC_OK : fail(err, RC_SYSTEM, "cannot make a certificate");
}

static enum rc use_files(struct tls *tls, const struct tls_options *options, struct error *err)
{
    if (SSL_CTX_use_certificate_chain_file(tls->context, options->cert_file) != 1)
        return fail(err, RC_MALFORMED, options->cert_file);
    if (SSL_CTX_use_PrivateKey_file(tls->context, options->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(err, RC_MALFORMED, options->key_file);
    if (SSL_CTX_check_private_key(tls->context) != 1)
        return fail(err, RC_MALFORMED, options->key_file);
    return RC_OK;
}

static enum rc write_certificate(const struct tls *tls, const char *file, struct error *err)
{
    FILE *out = fopen(file, "w");
    bool is_written;

    if (out == NULL)
        return fail(err, RC_SYSTEM, file);
    is_written = PEM_write_X509(out, SSL_CTX_get0_certificate(tls->context)) == 1;
    is_written = fclose(out) == 0 && is_written;
    return is_written ? RC_OK : fail(err, RC_SYSTEM, file);
}

/* --- birth and death -------------------------------------------------------------------------- */

/* Idle sessions give their buffers back: thousands of streams lie still most of the time. What is
 * written may have moved when it is tried again, and may leave in parts, as with a plain socket. */
static enum rc set_up(struct tls *tls, const struct tls_options *options, struct error *err)
{
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context == NULL)
        return fail(err, RC_NOMEM, "cannot begin");
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    TRY(options->cert_file != NULL ? use_files(tls, options, err)
                                   : use_own(tls, options->address, err));
    return options->ca_file != NULL ? write_certificate(tls, options->ca_file, err) : RC_OK;
}

enum rc tls_open(struct tls **tls, const struct tls_options *options, struct error *err)
{
    struct tls *t = memory_zeroed(memory_heap(), 1, sizeof(*t));
    enum rc rc;

    if (t == NULL)
        return error_set(err, RC_NOMEM, "TLS: out of memory");
    rc = set_up(t, options, err);
    if (rc != RC_OK) {
        tls_close(t);
        return rc;
    }
    *tls = t;
    return RC_OK;
}

void tls_close(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->context);
    memory_release(memory_heap(), t);
}

/* --- sessions --------------------------------------------------------------------------------- */

struct tls_session *tls_session_new(struct tls *t, int fd)
{
    SSL *ssl = SSL_new(t->context);

    if (ssl == NULL)
        return NULL;
    if (SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return (struct tls_session *)ssl;
}

void tls_session_free(struct tls_session *session)
{
    SSL_free(ssl_of(session));
}

/* Without close_notify an end of the socket is an end all the same: clients leave like that. */
static enum rc outcome_of(SSL *ssl, int result, bool *wants_write)
{
    enum rc rc = RC_SYSTEM;
    int code = errno;

    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        rc = RC_AGAIN;
        break;
    case SSL_ERROR_WANT_WRITE:
        *wants_write = true;
        rc = RC_AGAIN;
        break;
    case SSL_ERROR_ZERO_RETURN:
        rc = RC_END;
        break;
    case SSL_ERROR_SYSCALL:
        rc = code == 0 || code == EPIPE ? RC_END : RC_SYSTEM;
        break;
    default:
        rc = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? RC_END
                                                                                    : RC_SYSTEM;
    }
    ERR_clear_error();
    return rc;
}

enum rc tls_session_read(struct tls_session *session, char *bytes, size_t capacity, size_t *size,
                         bool *wants_write)
{
    int result;

    *wants_write = false;
    errno = 0;
    result = SSL_read_ex(ssl_of(session), bytes, capacity, size);
    return result == 1 ? RC_OK : outcome_of(ssl_of(session), result, wants_write);
}

enum rc tls_session_write(struct tls_session *session, struct slice bytes, size_t *size)
{
    bool wants_write;
    int result;

    errno = 0;
    result = SSL_write_ex(ssl_of(session), bytes.data, bytes.size, size);
    return result == 1 ? RC_OK : outcome_of(ssl_of(session), result, &wants_write);
}

bool tls_session_is_shaken(const struct tls_session *session)
{
    return SSL_is_init_finished((const SSL *)session);
}

/* Once: the client's own close_notify is not waited for. In an unfinished handshake there is
 * nothing to end. */
void tls_session_finish(struct tls_session *session)
{
    if (tls_session_is_shaken(session))
        (void)SSL_shutdown(ssl_of(session));
    ERR_clear_error();
}
