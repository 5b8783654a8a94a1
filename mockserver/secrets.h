#ifndef MOCKSERVER_SECRETS_H
#define MOCKSERVER_SECRETS_H

/* Which parts of a request carry credentials, and how they are shown: never. Pure. */

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Authorization, x-api-key, x-goog-api-key, api-key: where a provider wants its key. */
bool secrets_is_key_header(struct slice name);

/* What is shown of a header's value: all of it, "Bearer ***" where a scheme says how it is meant,
 * or "***". Cookies are secrets too. */
void secrets_write_header(struct slice name, struct slice value, struct buffer *out);

/* A path as sent, with the value of every `key` in its query masked. */
void secrets_write_path(struct slice path, struct buffer *out);

/* `path` up to its query, and the query without its question mark (empty: none). */
void secrets_split_path(struct slice path, struct slice *before, struct slice *query);

/* "key=abc": a member of a query that carries a credential. */
bool secrets_is_key_member(struct slice member);

/* Are they the same? Takes as long wherever they differ, so that nobody learns a token byte by
 * byte. */
bool secrets_are_equal(struct slice a, struct slice b);

#endif
