#include "base/checksum.h"

#include <stddef.h>

/* Four lanes take every fourth word of eight bytes, so that four multiplications are under way at
 * once; in the end they are folded into one. Every step is a bijection of the lane for a given word
 * (exclusive or, an odd factor, a shifted fold), which is why a change of a single word cannot
 * cancel out. */

enum { WORD = 8, ROW = 4 * WORD };

/* Odd, with bits all over: the golden ratio and the square roots of 2, 3 and 5, as fractions. */
static const uint64_t PHI = 0x9E3779B97F4A7C15u;
static const uint64_t ROOT_2 = 0x6A09E667F3BCC909u;
static const uint64_t ROOT_3 = 0xBB67AE8584CAA73Bu;
static const uint64_t ROOT_5 = 0x3C6EF372FE94F82Bu;

/* Little-endian whatever the machine; compilers make one load of it, but only of this form. */
static uint64_t word_at(const char *data)
{
    const unsigned char *d = (const unsigned char *)data;

    return (uint64_t)d[0] | (uint64_t)d[1] << 8 | (uint64_t)d[2] << 16 | (uint64_t)d[3] << 24 |
           (uint64_t)d[4] << 32 | (uint64_t)d[5] << 40 | (uint64_t)d[6] << 48 |
           (uint64_t)d[7] << 56;
}

static uint64_t step(uint64_t lane, uint64_t word, uint64_t factor)
{
    lane = (lane ^ word) * factor;
    return lane ^ lane >> 32;
}

static uint64_t last_word(struct slice rest)
{
    char padded[WORD] = {0};

    for (size_t i = 0; i < rest.size; i++)
        padded[i] = rest.data[i];
    return word_at(padded);
}

uint64_t checksum(uint64_t seed, struct slice bytes)
{
    uint64_t a = seed + PHI, b = seed + ROOT_2, c = seed + ROOT_3, d = seed + ROOT_5;
    uint64_t sum = seed ^ bytes.size;
    const char *at = bytes.data;
    size_t left = bytes.size;

    for (; left >= ROW; at += ROW, left -= ROW) {
        a = step(a, word_at(at), PHI);
        b = step(b, word_at(at + WORD), ROOT_2);
        c = step(c, word_at(at + 2 * WORD), ROOT_3);
        d = step(d, word_at(at + 3 * WORD), ROOT_5);
    }
    for (; left >= WORD; at += WORD, left -= WORD)
        sum = step(sum, word_at(at), PHI);
    sum = step(sum, last_word((struct slice){at, left}), PHI);
    return step(step(step(step(sum, a, PHI), b, ROOT_2), c, ROOT_3), d, ROOT_5);
}

void checksum_write(uint64_t sum, char text[CHECKSUM_TEXT_SIZE])
{
    for (int i = 0; i < CHECKSUM_TEXT_SIZE - 1; i++)
        text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    text[CHECKSUM_TEXT_SIZE - 1] = '\0';
}

bool checksum_read(struct slice text, uint64_t *sum)
{
    uint64_t read = 0;

    if (text.size != CHECKSUM_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';

        if (!is_digit && !(c >= 'a' && c <= 'f'))
            return false;
        read = read << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *sum = read;
    return true;
}
