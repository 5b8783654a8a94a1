#ifndef HARNESS_WORLDS_H
#define HARNESS_WORLDS_H

/* The two worlds a trial can be played in. Both feed the same evidence files and the same judge and
 * set trial->facts. RC_OK: carried out, to its end or to an orderly early one. */

#include "base/error.h"
#include "trial.h"

/* Sockets, real time: our driver against a mock of its own (`run`). */
MUST_USE enum rc socket_world(struct trial *trial, struct error *err);

/* A command of the user's against the mock (`exec`), and our driver against a running service that
 * asks the mock (`run` of a service; harness/service.h). */
MUST_USE enum rc exec_world(struct trial *trial, struct error *err);

/* The simulator, virtual time (`sim`). */
MUST_USE enum rc simulated_world(struct trial *trial, struct error *err);

#endif
