#include "base/units.h"

#include <stdbool.h>

struct decimal {
    uint64_t whole;
    uint64_t nano; /* the fraction, in billionths */
};

/* Takes the number off the front. */
static enum rc take_decimal(struct slice *text, struct decimal *value)
{
    struct decimal read = {0};
    uint64_t place = 100000000;
    size_t at = 0;
    bool has_digits = false;

    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        if (read.whole > 1000000000000000u)
            return RC_LIMIT;
        read.whole = read.whole * 10 + (uint64_t)(text->data[at] - '0');
        has_digits = true;
    }
    if (!has_digits)
        return RC_MALFORMED;
    if (at < text->size && text->data[at] == '.') {
        size_t first = ++at;

        for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
            if (place == 0)
                return RC_LIMIT;
            read.nano += place * (uint64_t)(text->data[at] - '0');
            place /= 10;
        }
        if (at == first)
            return RC_MALFORMED;
    }
    text->data += at;
    text->size -= at;
    *value = read;
    return RC_OK;
}

static struct slice take_letters(struct slice *text)
{
    size_t at = 0;
    struct slice letters;

    while (at < text->size && ((text->data[at] >= 'a' && text->data[at] <= 'z') ||
                               (text->data[at] >= 'A' && text->data[at] <= 'Z')))
        at++;
    letters = (struct slice){text->data, at};
    text->data += at;
    text->size -= at;
    return letters;
}

static const struct {
    const char *name;
    nanos size;
} duration_units[] = {
    {"ns", 1},           {"us", NANOS_US},      {"ms", NANOS_MS},      {"s", NANOS_S},
    {"m", 60 * NANOS_S}, {"min", 60 * NANOS_S}, {"h", 3600 * NANOS_S}, {"d", 86400 * NANOS_S},
};

static bool unit_size(struct slice name, nanos *size)
{
    for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
        if (slice_is(name, slice_of(duration_units[i].name))) {
            *size = duration_units[i].size;
            return true;
        }
    }
    return false;
}

enum rc units_duration(struct slice text, nanos *value)
{
    const nanos limit = 3653 * 86400 * NANOS_S;
    nanos sum = 0;

    text = slice_trim(text);
    if (text.size == 0)
        return RC_MALFORMED;
    while (text.size > 0) {
        struct decimal number;
        nanos size, part;

        TRY(take_decimal(&text, &number));
        if (!unit_size(take_letters(&text), &size))
            return RC_MALFORMED;
        if (number.whole > (uint64_t)(limit / size))
            return RC_LIMIT;
        part = (nanos)number.whole * size;
        part += (nanos)((double)number.nano * ((double)size / 1e9) + 0.5);
        if (part > limit - sum)
            return RC_LIMIT;
        sum += part;
        text = slice_trim(text);
    }
    *value = sum;
    return RC_OK;
}

enum rc units_rate(struct slice text, struct slice noun, double *per_s)
{
    struct decimal number;
    struct slice word;
    nanos size;
    double rate;

    text = slice_trim(text);
    TRY(take_decimal(&text, &number));
    text = slice_trim(text);
    word = take_letters(&text);
    if (word.size > 0 && !slice_is(word, noun))
        return RC_MALFORMED;
    if (text.size == 0 || text.data[0] != '/')
        return RC_MALFORMED;
    text = (struct slice){text.data + 1, text.size - 1};
    if (!unit_size(take_letters(&text), &size) || text.size > 0)
        return RC_MALFORMED;
    rate = ((double)number.whole + (double)number.nano / 1e9) * 1e9 / (double)size;
    if (rate <= 0 || rate > 1e9)
        return RC_LIMIT;
    *per_s = rate;
    return RC_OK;
}

enum rc units_share(struct slice text, double *share)
{
    struct decimal number;
    double percent;

    text = slice_trim(text);
    TRY(take_decimal(&text, &number));
    text = slice_trim(text);
    if (!slice_is(text, SLICE("%")))
        return RC_MALFORMED;
    percent = (double)number.whole + (double)number.nano / 1e9;
    if (percent > 100)
        return RC_LIMIT;
    *share = percent / 100;
    return RC_OK;
}

enum rc units_money(struct slice text, int64_t *nano_usd)
{
    struct decimal number;

    text = slice_trim(text);
    if (!slice_starts_with(text, SLICE("$")))
        return RC_MALFORMED;
    text = (struct slice){text.data + 1, text.size - 1};
    TRY(take_decimal(&text, &number));
    if (text.size > 0)
        return RC_MALFORMED;
    if (number.whole > 1000000000)
        return RC_LIMIT;
    *nano_usd = (int64_t)(number.whole * 1000000000u + number.nano);
    return RC_OK;
}

void units_write_duration(struct buffer *b, nanos value)
{
    static const struct {
        const char *name;
        nanos size;
    } units[] = {{"s", NANOS_S}, {"ms", NANOS_MS}, {"us", NANOS_US}, {"ns", 1}};
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t unit = 0;
    uint64_t size, thousandths;

    if (value == NANOS_NEVER) {
        buffer_text(b, "never");
        return;
    }
    while (unit + 1 < ARRAY_SIZE(units) && rest < (uint64_t)units[unit].size)
        unit++;
    if (rest == 0)
        unit = 0;
    size = (uint64_t)units[unit].size;
    thousandths = size >= 1000 ? rest % size / (size / 1000) : 0;
    if (value < 0)
        buffer_byte(b, '-');
    buffer_u64(b, rest / size);
    if (thousandths > 0) {
        char digits[4] = {'.', (char)('0' + thousandths / 100), (char)('0' + thousandths / 10 % 10),
                          (char)('0' + thousandths % 10)};
        size_t length = 4;

        while (digits[length - 1] == '0')
            length--;
        buffer_append(b, (struct slice){digits, length});
    }
    buffer_text(b, units[unit].name);
}
