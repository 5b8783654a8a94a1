#include "base/money.h"

#include <assert.h>

enum { FRACTION_DIGITS = 12, DECIMALS_MIN = 2 };

money money_add(money a, money b)
{
    assert(a >= 0);
    assert(b >= 0);
    return a > MONEY_MAX - b ? MONEY_MAX : a + b;
}

money money_times(money a, uint64_t n)
{
    assert(a >= 0);
    if (a > 0 && n > (uint64_t)(MONEY_MAX / a))
        return MONEY_MAX;
    return a * (money)n;
}

static void write_number(struct buffer *b, uint64_t value, int decimals_min)
{
    char fraction[FRACTION_DIGITS];
    uint64_t rest = value % (uint64_t)MONEY_USD;
    int size = FRACTION_DIGITS;

    for (int i = FRACTION_DIGITS - 1; i >= 0; i--) {
        fraction[i] = (char)('0' + rest % 10);
        rest /= 10;
    }
    while (size > decimals_min && fraction[size - 1] == '0')
        size--;
    buffer_u64(b, value / (uint64_t)MONEY_USD);
    if (size == 0)
        return;
    buffer_byte(b, '.');
    buffer_append(b, (struct slice){fraction, (size_t)size});
}

void money_write(struct buffer *b, money value)
{
    assert(value >= 0);
    buffer_byte(b, '$');
    write_number(b, (uint64_t)value, DECIMALS_MIN);
}

void money_write_number(struct buffer *b, money value)
{
    assert(value >= 0);
    write_number(b, (uint64_t)value, 0);
}
