#ifndef MOCKSERVER_CANARY_H
#define MOCKSERVER_CANARY_H

/* Canaries: keys that must not leave. A test gives its program such a key and tells the mock of it;
 * the mock then notices it in every header, path or body of a request, except where a key belongs:
 * in a credential header, or in the query's `key`.
 *
 * Found as written: a key that is encoded on its way (base64, escapes of JSON) is not seen.
 * A zeroed set is empty. Pure; one thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/http1.h"

/* Shorter ones would be found by accident. */
enum { CANARIES_MAX = 32, CANARY_BYTES_MIN = 8, CANARY_BYTES_MAX = 256 };

struct canaries {
    uint32_t count;
    struct canary {
        char text[CANARY_BYTES_MAX];
        uint32_t size;
    } list[CANARIES_MAX];
};

/* A copy; one that is known already counts once. RC_MALFORMED: too short or too long. RC_LIMIT: too
 * many. The sentence never holds the key. */
MUST_USE enum rc canaries_add(struct canaries *canaries, struct slice text, struct error *err);

bool canaries_are_in(const struct canaries *canaries, const struct http_request *http);

#endif
