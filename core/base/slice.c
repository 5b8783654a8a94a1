#include "base/slice.h"

#include <assert.h>
#include <string.h>

struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

bool slice_is(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool slice_is_nocase(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.size >= prefix.size && slice_is((struct slice){s.data, prefix.size}, prefix);
}

bool slice_has(struct slice s, struct slice needle)
{
    for (size_t at = 0; at + needle.size <= s.size; at++)
        if (slice_is((struct slice){s.data + at, needle.size}, needle))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
    while (s.size > 0 && is_blank(s.data[0])) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.data[s.size - 1]))
        s.size--;
    return s;
}

bool slice_cut(struct slice *rest, char separator, struct slice *part)
{
    const char *found;

    if (rest->size == 0)
        return false;
    found = memchr(rest->data, separator, rest->size);
    if (found == NULL) {
        *part = *rest;
        *rest = (struct slice){rest->data + rest->size, 0};
        return true;
    }
    *part = (struct slice){rest->data, (size_t)(found - rest->data)};
    rest->size -= part->size + 1;
    rest->data = found + 1;
    return true;
}

bool slice_u64(struct slice s, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        uint64_t digit = (uint64_t)(s.data[i] - '0');

        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool slice_copy(struct slice s, char *out, size_t capacity)
{
    size_t size = s.size < capacity ? s.size : capacity - 1;

    assert(capacity > 0);
    if (size > 0)
        memcpy(out, s.data, size);
    out[size] = '\0';
    return size == s.size;
}

bool slice_glob(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, resume = 0; /* where to go back to: after the last star, one byte on */

    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size &&
                   (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

uint64_t slice_hash(struct slice s)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < s.size; i++)
        hash = (hash ^ (uint8_t)s.data[i]) * 1099511628211u;
    hash ^= hash >> 33; /* FNV's high bits are weak for short texts: one mixing round */
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 33;
    return hash;
}

uint32_t slice_distance(struct slice a, struct slice b)
{
    uint32_t row[65];
    size_t columns = b.size < 64 ? b.size : 64;
    size_t rows = a.size < 64 ? a.size : 64;

    for (size_t j = 0; j <= columns; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= rows; i++) {
        uint32_t diagonal = row[0];

        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= columns; j++) {
            uint32_t best = diagonal + (lower(a.data[i - 1]) != lower(b.data[j - 1]));

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[columns];
}
