#ifndef MOCKSERVER_ADMIN_H
#define MOCKSERVER_ADMIN_H

/* The admin listener's answers. JSON, on paths under /_brownout/:
 *
 *     POST start   {"t0_monotonic_ns": N, "boot_id": "..."}   the driver's clock handshake
 *     GET  health                                             exchanges open, requests seen
 *
 * A start is refused with 409 when the driver runs on another boot (its monotonic clock means
 * nothing here) or the run has begun already, with 400 when it cannot be read. Anything else is
 * 404. */

#include "connection.h"
#include "mock.h"

struct admin;

MUST_USE enum rc admin_open(struct admin **admin, struct mock *mock, const struct memory *memory,
                            struct error *err);
void admin_close(struct admin *admin); /* NULL is fine */

const struct connection_owner *admin_owner(const struct admin *admin);

#endif
