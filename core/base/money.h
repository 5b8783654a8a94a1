#ifndef BASE_MONEY_H
#define BASE_MONEY_H

/* Money in whole picodollars, exact: the dearest token costs 180,000,000 of them, the cheapest ten
 * thousand, and a total may reach nine million dollars. No figure of money is ever a double. */

#include <stdint.h>

#include "base/buffer.h"

typedef int64_t money;

#define MONEY_USD ((money)1000000000000)
#define MONEY_MAX INT64_MAX

/* Both saturate at MONEY_MAX; inputs are not negative. */
money money_add(money a, money b);
money money_times(money a, uint64_t n);

/* "$0.0042", "$12.00": exact, at least two decimals, no trailing zeros beyond them. */
void money_write(struct buffer *b, money value);

/* The same as a bare JSON number of dollars: 0.0042 */
void money_write_number(struct buffer *b, money value);

#endif
