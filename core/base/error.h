#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* What went wrong, as a code for programs and a sentence for people.
 *
 * Three manners, visible in a signature: `void` or a value (cannot fail), `enum rc` (hot path), and
 * `enum rc` with a `struct error *` (start-up and parsing, where a person reads why). What the
 * server under test does wrong is never an error: it is an outcome (base/outcome.h). */

#include "base/attributes.h"

/* "Not yet", "the end" and "broken" are three codes. */
#define RC_LIST(X)                                \
    X(RC_OK, "ok")                                \
    X(RC_AGAIN, "not ready yet")                  \
    X(RC_END, "the end")                          \
    X(RC_MALFORMED, "malformed input")            \
    X(RC_LIMIT, "a configured limit was reached") \
    X(RC_NOMEM, "out of memory")                  \
    X(RC_SYSTEM, "the operating system refused")

#define RC_ENUM(name, text) name,
enum rc { RC_LIST(RC_ENUM) RC_COUNT };
#undef RC_ENUM

struct error {
    enum rc rc;
    int os_errno;   /* errno at the point of failure, 0 if none */
    char text[480]; /* outermost context first: "demo.jsonc:12:7: ..." */
};

const char *rc_text(enum rc rc);

/* Both return err->rc, so that a failing function can end with `return error_...`. A null `err` is
 * allowed and keeps nothing; error_wrap then returns RC_MALFORMED. */
enum rc error_set(struct error *err, enum rc rc, const char *format, ...) PRINTF_LIKE(3, 4);
enum rc error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Passes a failure up; only in functions that own nothing yet. */
#define TRY(call)                \
    do {                         \
        enum rc try_rc = (call); \
        if (try_rc != RC_OK)     \
            return try_rc;       \
    } while (0)

#endif
