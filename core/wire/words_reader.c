#include "wire/words_reader.h"

#include <string.h>

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* The number between; false when the word is not made so, or the number is 0. */
static bool number_in(struct slice word, struct slice front, struct slice back, uint64_t *number)
{
    struct slice digits;

    if (word.size <= front.size + back.size || !slice_starts_with(word, front))
        return false;
    digits = (struct slice){word.data + front.size, word.size - front.size - back.size};
    if (memcmp(digits.data + digits.size, back.data, back.size) != 0)
        return false;
    return slice_u64(digits, number) && *number > 0;
}

static uint32_t add_capped(uint32_t count, uint64_t more)
{
    return more > UINT32_MAX - count ? UINT32_MAX : count + (uint32_t)more;
}

static void take_mark(struct words_reader *r, uint64_t request)
{
    r->request = request;
    r->marks = add_capped(r->marks, 1);
    r->words = 1;
    r->next = 1;
}

static void take_number(struct words_reader *r, uint64_t number)
{
    if (r->next == 0)
        r->next = 1; /* a service may leave the mark out */
    if (number < r->next) {
        r->repeated = add_capped(r->repeated, 1);
        return;
    }
    r->missing = add_capped(r->missing, number - r->next);
    r->words = add_capped(r->words, 1);
    r->next = number + 1;
}

static void take_word(struct words_reader *r, struct slice word)
{
    uint64_t number;

    if (number_in(word, SLICE("⟦r"), SLICE("⟧"), &number))
        take_mark(r, number);
    else if (number_in(word, SLICE("w"), SLICE(""), &number) ||
             number_in(word, SLICE("слово"), SLICE(""), &number))
        take_number(r, number);
}

/* Part of a word that ends, or goes on, in another piece. */
static void hold(struct words_reader *r, struct slice part)
{
    if (part.size > sizeof(r->held) - r->held_size) {
        r->is_inside = true;
        r->held_size = 0;
    }
    if (r->is_inside || part.size == 0)
        return;
    memcpy(r->held + r->held_size, part.data, part.size);
    r->held_size += (uint32_t)part.size;
}

void words_reader_end(struct words_reader *r)
{
    if (r->held_size > 0)
        take_word(r, (struct slice){r->held, r->held_size});
    r->held_size = 0;
    r->is_inside = false;
}

void words_reader_feed(struct words_reader *r, struct slice text)
{
    while (text.size > 0) {
        size_t size = 0;

        while (size < text.size && is_word_byte(text.data[size]))
            size++;
        hold(r, (struct slice){text.data, size});
        if (size == text.size)
            return;
        words_reader_end(r);
        text = (struct slice){text.data + size + 1, text.size - size - 1};
    }
}
