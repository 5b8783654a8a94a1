#ifndef JUDGE_READABLE_H
#define JUDGE_READABLE_H

/* Numbers as a person reads them in a report: three digits that matter, and the unit. Values, so
 * that they can stand in the arguments of a printf: `readable_span(wait).text`. Pure ASCII, so that
 * columns align. */

#include <stdint.h>

#include "base/money.h"
#include "base/nanos.h"

struct readable {
    char text[32];
};

/* "0 s", "85 us", "9.2 ms", "812 ms", "1.37 s", "3600 s", "never". */
struct readable readable_span(nanos span);

/* An instant of run time, to the millisecond: "6.512 s". */
struct readable readable_instant(nanos at);

/* 0.9953 is "99.5 %". Never rounded up to 100 % nor down to 0 %. */
struct readable readable_share(double share);

/* "3", "1.37", "12.5": at most two decimals. */
struct readable readable_number(double number);

/* "3,558". */
struct readable readable_count(uint64_t count);

/* "1 line", "3,558 lines": of a short word that takes an s. */
struct readable readable_plural(uint64_t count, const char *word);

/* "512 B", "1.5 kB", "98.3 MB", "1.37 GB": decimal. */
struct readable readable_size(double bytes);

/* "$1.31", "$0.0042", "$1,204.50": cents, or two digits that matter below a cent. */
struct readable readable_money(money value);

/* Every picodollar: "$0.004215". */
struct readable readable_money_exact(money value);

/* "391.3 ms", "1.3700001 s": every nanosecond. */
struct readable readable_span_exact(nanos span);

/* Six decimals: "1.504"; "99.504 %". */
struct readable readable_number_exact(double number);
struct readable readable_share_exact(double share);

/* What a command exited with, in the middle of a sentence: "exited 3", "exited 137 (signal 9)". */
struct readable readable_exit(int code);

#endif
