#ifndef ENGINE_OBSERVE_H
#define ENGINE_OBSERVE_H

/* A finished call as the monitor wants to hear of it: what an application's own log would say. Both
 * worlds tell their monitor in this way. Pure. */

#include "judge/evidence.h"
#include "monitor/monitor.h"
#include "scenario/scenario.h"

/* `id_text` (CALL_ID_TEXT_MAX bytes) keeps the id that the observation borrows. */
struct observation observe_call(const struct scenario *scenario, const struct call_record *call,
                                char *id_text);

#endif
