#ifndef MONITOR_SENTENCE_H
#define MONITOR_SENTENCE_H

/* What an alert says to people: one sentence that can be read at night. Each appends to `out` and
 * cannot fail but by the buffer.
 *
 *   budget hourly: $2.0013 of $2.00 spent in window 0 (call trace:1714 tipped it)
 *   slow: claude-sonnet-4-5 took 17.2s, more than 15s (call steady:40); 3 more since the last alert
 */

#include "base/buffer.h"
#include "monitor/monitor.h"

void sentence_budget(struct buffer *out, const struct budget_rules *budget,
                     const struct alert *alert);

void sentence_anomaly(struct buffer *out, const struct monitor_rules *rules,
                      const struct observation *o, const struct alert *alert);

#endif
