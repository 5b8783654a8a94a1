#ifndef TESTS_LOOPBACK_ADMIN_ASKS_H
#define TESTS_LOOPBACK_ADMIN_ASKS_H

/* A client of the admin API for tests, over a mock_child.
 *
 * Happy path: admin_asks sends one request on a connection of its own and returns the status; what
 * was said is then in admin_body, borrowed until the next call. What the system refuses, and an
 * answer that does not come, is fatal to the test. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "tests/loopback/mock_child.h"

struct asked_for {
    const char *listener; /* NULL: admin */
    const char *method;   /* NULL: GET without a body, POST with one */
    const char *path;     /* behind /_brownout/ at the admin listener, else whole */
    const char *headers;  /* whole lines, may be NULL */
    const char *body;     /* may be NULL */
};

uint16_t http_asks(const struct mock_child *m, const struct asked_for *asked);

uint16_t admin_gets(const struct mock_child *m, const char *path);
uint16_t admin_posts(const struct mock_child *m, const char *path, const char *body);
uint16_t admin_does(const struct mock_child *m, const char *method, const char *path,
                    const char *body);

/* The same, but the answer is not waited for. */
void admin_begins(const struct mock_child *m, struct incoming *client, const char *path);

/* The whole of the latest answer, zero-terminated; and does its text hold that? */
const char *admin_answer_text(void);
bool admin_said(const char *text);

/* A message to a model at that listener's /v1/messages, whose prompt is `prompt`; the status. */
uint16_t model_asks(const struct mock_child *m, const char *prefix, const char *model,
                    const char *prompt);

#endif
