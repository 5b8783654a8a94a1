#ifndef REPORT_BARS_H
#define REPORT_BARS_H

/* A bar per attempt, over the same 60 columns of time, so that waits and overlaps are seen before
 * anything is read:
 *
 *     1 claude-sonnet-4-5     |x                                       |  429 rate_limited
 *     2 claude-sonnet-4-5     | ........----------=======o             |  ok
 *
 *   .  waits before the attempt    -  no token    =  the answer comes
 *   o  answered    x  failed    >  still open at the cut    !  the call's deadline */

#include "report/story.h"

void story_bars(const struct story *story, struct buffer *out);

#endif
