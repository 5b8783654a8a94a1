#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

/* A call's moments in order, in two lanes. What one end does and the other notices within 5 ms
 * stands on one line, with an arrow; the time is that of the earlier.
 *
 *   after due  caller                                         mock
 *    +0.000 s  due
 *    +0.001 s  attempt 1 to claude-sonnet-4-5              -> request 217 in; rule limits-fraction
 * fires +0.412 s  429 rate_limited                            <- 429 rate_limited, retry-after 1.5s
 *              waits 442 ms, though told to wait 1.5 s
 */

#include "report/story.h"

void story_timeline(const struct story *story, struct buffer *out);

#endif
