#include "judge/readable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "1.50" is "1.5", "2.00" is "2". */
static void cut_zeros(char *digits)
{
    size_t size = strlen(digits);

    if (strchr(digits, '.') == NULL)
        return;
    while (digits[size - 1] == '0')
        size--;
    if (digits[size - 1] == '.')
        size--;
    digits[size] = '\0';
}

static struct readable with_unit(double number, int decimals, const char *unit)
{
    struct readable readable;
    char digits[24];

    snprintf(digits, sizeof(digits), "%.*f", decimals, number);
    cut_zeros(digits);
    snprintf(readable.text, sizeof(readable.text), "%s%s", digits, unit);
    return readable;
}

struct readable readable_span(nanos span)
{
    double size = span < 0 ? -(double)span : (double)span;

    if (span == NANOS_NEVER)
        return (struct readable){"never"};
    if (span == 0)
        return (struct readable){"0 s"};
    if (size < 1e6)
        return with_unit((double)span / 1e3, size < 1e4 ? 1 : 0, " us");
    if (size < 999.5e6)
        return with_unit((double)span / 1e6, size < 1e7 ? 1 : 0, " ms");
    return with_unit((double)span / 1e9, size < 100e9 ? 2 : 0, " s");
}

struct readable readable_span_exact(nanos span)
{
    bool is_short = span > -NANOS_S && span < NANOS_S;

    if (span == NANOS_NEVER)
        return (struct readable){"never"};
    return is_short ? with_unit((double)span / 1e6, 6, " ms")
                    : with_unit((double)span / 1e9, 9, " s");
}

struct readable readable_instant(nanos at)
{
    struct readable readable;

    if (at == NANOS_NEVER)
        return (struct readable){"never"};
    snprintf(readable.text, sizeof(readable.text), "%.3f s", (double)at / 1e9);
    return readable;
}

struct readable readable_share(double share)
{
    double tenths = share * 1000.0;

    if (share < 1.0 && tenths > 999.0)
        tenths = 999.0;
    if (share > 0.0 && tenths < 1.0)
        tenths = 1.0;
    return with_unit(tenths / 10.0, 1, " %");
}

struct readable readable_number(double number)
{
    return with_unit(number, fabs(number) < 1e6 ? 2 : 0, "");
}

struct readable readable_number_exact(double number)
{
    return with_unit(number, 6, "");
}

struct readable readable_share_exact(double share)
{
    return with_unit(share * 100.0, 6, " %");
}

struct readable readable_count(uint64_t count)
{
    struct readable readable;
    char digits[24];
    size_t size, out = 0;

    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    size = strlen(digits);
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            readable.text[out++] = ',';
        readable.text[out++] = digits[i];
    }
    readable.text[out] = '\0';
    return readable;
}

/* Cents, or as many decimals as show the second digit that matters. */
static int decimals_of(money value)
{
    int decimals = 2;

    for (money least = MONEY_USD / 10; value > 0 && value < least && least > 10; least /= 10)
        decimals++;
    return decimals;
}

struct readable readable_money(money value)
{
    struct readable readable;
    int decimals = decimals_of(value);
    money unit = MONEY_USD, rounded;
    char text[64];
    size_t size;

    for (int i = 0; i < decimals; i++)
        unit /= 10;
    rounded = value > MONEY_MAX - unit ? value : (value + unit / 2) / unit * unit;
    snprintf(text, sizeof(text), "$%s.%0*llu", readable_count((uint64_t)(rounded / MONEY_USD)).text,
             decimals, (unsigned long long)(rounded % MONEY_USD / unit));
    for (size = strlen(text); decimals > 2 && text[size - 1] == '0'; decimals--)
        size--;
    slice_copy((struct slice){text, size}, readable.text, sizeof(readable.text));
    return readable;
}

struct readable readable_money_exact(money value)
{
    struct readable readable = {0};
    struct buffer text = {.data = readable.text,
                          .capacity = sizeof(readable.text) - 1,
                          .ceiling = sizeof(readable.text) - 1,
                          .memory = memory_heap()}; /* "$9223372.036854775807" fits */

    money_write(&text, value);
    return readable;
}

struct readable readable_exit(int code)
{
    struct readable readable;

    if (code > 128)
        snprintf(readable.text, sizeof(readable.text), "exited %u (signal %u)",
                 (unsigned)code & 0xFF, (unsigned)(code - 128) & 0x7F);
    else
        snprintf(readable.text, sizeof(readable.text), "exited %d", code);
    return readable;
}

struct readable readable_plural(uint64_t count, const char *word)
{
    struct readable readable;

    snprintf(readable.text, sizeof(readable.text), "%.20s %.9s%s", readable_count(count).text, word,
             count == 1 ? "" : "s");
    return readable;
}

struct readable readable_size(double bytes)
{
    double size = fabs(bytes);

    if (size < 1e3)
        return with_unit(bytes, 0, " B");
    if (size < 999.5e3)
        return with_unit(bytes / 1e3, size < 1e4 ? 2 : 1, " kB");
    if (size < 999.5e6)
        return with_unit(bytes / 1e6, size < 1e8 ? 1 : 0, " MB");
    return with_unit(bytes / 1e9, 2, " GB");
}
