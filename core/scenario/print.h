#ifndef SCENARIO_PRINT_H
#define SCENARIO_PRINT_H

/* Printing, as JSON that loads again and means the same: what the files of this room share that
 * print a scenario. A buffer that is full says so itself. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/distribution.h"
#include "base/money.h"
#include "base/nanos.h"
#include "scenario/scenario.h"

/* --- values ----------------------------------------------------------------------------------- */

void print_string(struct buffer *out, const char *text);
void print_bool(struct buffer *out, bool flag);
void print_duration(struct buffer *out, nanos value); /* exactly, in its largest whole unit */
void print_rate(struct buffer *out, double per_s, const char *noun);
void print_share(struct buffer *out, double share);
void print_spans(struct buffer *out, const struct distribution *d);
void print_tokens(struct buffer *out, const struct distribution *d);
/* Exact: an amount has at most twelve decimals, and those read here at most nine. */
void print_money(struct buffer *out, money value);

/* Before the items of a list that stands a line each. */
void print_item(struct buffer *out, uint32_t index, const char *indent);

/* A value of the text that was checked when it was loaded: the same without comments. */
void print_plain(struct buffer *out, struct slice text);

/* --- sections --------------------------------------------------------------------------------- */

void print_subject(struct buffer *out, const struct scenario *scenario);
void print_target(struct buffer *out, const struct scenario *scenario);
void print_match(struct buffer *out, const struct match *match);
void print_fault(struct buffer *out, const struct fault *fault);
void print_chaos(struct buffer *out, const struct scenario *scenario);

#endif
