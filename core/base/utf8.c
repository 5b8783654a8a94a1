#include "base/utf8.h"

#include <stdbool.h>

static bool is_between(char c, unsigned char low, unsigned char high)
{
    return (unsigned char)c >= low && (unsigned char)c <= high;
}

/* What the first byte leaves to the second: overlong forms, surrogates and what lies above
 * U+10FFFF all show there. */
static bool second_is_good(unsigned char first, char second)
{
    switch (first) {
    case 0xE0:
        return is_between(second, 0xA0, 0xBF);
    case 0xED:
        return is_between(second, 0x80, 0x9F);
    case 0xF0:
        return is_between(second, 0x90, 0xBF);
    case 0xF4:
        return is_between(second, 0x80, 0x8F);
    default:
        return is_between(second, 0x80, 0xBF);
    }
}

size_t utf8_size(struct slice text)
{
    unsigned char first;
    size_t size;

    if (text.size == 0)
        return 0;
    first = (unsigned char)text.data[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (text.size < size || !second_is_good(first, text.data[1]))
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_between(text.data[i], 0x80, 0xBF))
            return 0;
    return size;
}
