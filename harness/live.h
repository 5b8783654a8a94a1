#ifndef HARNESS_LIVE_H
#define HARNESS_LIVE_H

/* A live target: real servers that cost real money, behind guards (docs/live.md). And the key of a
 * service under test, which is kept like theirs.
 *
 *   live_guard, for every file before anything runs --> live_open --> the world plays -->
 * live_close
 *
 * Guards: a base URL that is not this machine's own needs --live, a spend_limit, a price for every
 * model that a call may reach, and an estimate within that limit; more than LIVE_RATE_MAX calls a
 * second need --yes-really. Loopback needs none of these, but a spend_limit holds there too, where
 * one is given. A service that is not on this machine needs --live, too: whom it asks on its way
 * nobody knows.
 *
 * Keys come from the environment variables that the scenario names, live here from live_open to
 * live_close, and are overwritten then. They go into request headers and nowhere else: no command
 * line, file, log or message; no core dump is written while they are held. What a server says may
 * repeat a key: live_hide takes it out.
 *
 * Failure modes: live_guard (RC_MALFORMED, RC_LIMIT with the arithmetic; a variable that is not
 * set, by name), live_open (a key longer than LIVE_KEY_MAX, or with bytes no header takes). A
 * zeroed one is closed. The main thread owns it; while it is open any thread may read. */

#include <stdbool.h>

#include "base/error.h"
#include "judge/evidence.h"
#include "options.h"
#include "scenario/base_url.h"
#include "scenario/scenario.h"

enum { LIVE_KEY_MAX = 512, LIVE_RATE_MAX = 5 /* calls a second */ };

struct live {
    bool is_open;
    char origins_text[SCENARIO_PROVIDERS_MAX][BASE_URL_MAX + 1];
    const char *origins[SCENARIO_PROVIDERS_MAX]; /* by provider */
    char keys_text[SCENARIO_PROVIDERS_MAX][LIVE_KEY_MAX + 1];
    struct slice keys[SCENARIO_PROVIDERS_MAX]; /* by provider; empty: it needs none. Of a service
                                                  under test its one, at 0 */
    uint32_t count;
};

/* May this scenario run? Touches no socket and keeps no key. RC_OK for a mock's scenario. */
MUST_USE enum rc live_guard(const struct scenario *scenario, const struct options *options,
                            struct error *err);

MUST_USE enum rc live_open(struct live *live, const struct scenario *scenario, struct error *err);
void live_close(struct live *live);

/* Takes every key out of what a server said. */
void live_hide(const struct live *live, struct call_record *call);

#endif
