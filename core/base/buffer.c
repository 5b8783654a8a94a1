#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CAPACITY_FIRST = 256 };

void buffer_init(struct buffer *b, const struct memory *memory, size_t ceiling)
{
    *b = (struct buffer){.memory = memory, .ceiling = ceiling};
}

void buffer_deinit(struct buffer *b)
{
    if (b->data != NULL)
        memory_release(b->memory, b->data);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->size = 0;
    b->rc = RC_OK;
}

char *buffer_reserve(struct buffer *b, size_t size)
{
    size_t wanted = b->capacity > 0 ? b->capacity : CAPACITY_FIRST;
    char *data;

    assert(b->memory != NULL);
    if (b->rc != RC_OK)
        return NULL;
    if (size > b->ceiling || b->size > b->ceiling - size) {
        b->rc = RC_LIMIT;
        return NULL;
    }
    if (b->size + size <= b->capacity && b->data != NULL)
        return b->data + b->size;
    while (wanted < b->size + size)
        wanted = wanted > b->ceiling / 2 ? b->ceiling : wanted * 2;
    if (wanted > b->ceiling)
        wanted = b->ceiling > 0 ? b->ceiling : 1;
    data = b->memory->resize(b->memory->context, b->data, wanted);
    if (data == NULL) {
        b->rc = RC_NOMEM;
        return NULL;
    }
    b->data = data;
    b->capacity = wanted;
    return b->data + b->size;
}

void buffer_grown(struct buffer *b, size_t size)
{
    assert(size <= b->capacity - b->size);
    b->size += size;
}

/* There is room already: nearly always, and then nothing else is asked. */
static inline bool has_room(const struct buffer *b, size_t size)
{
    size_t end = b->capacity < b->ceiling ? b->capacity : b->ceiling;

    return b->rc == RC_OK && b->data != NULL && b->size <= end && size <= end - b->size;
}

void buffer_append(struct buffer *b, struct slice bytes)
{
    char *room;

    if (bytes.size == 0) /* needs no memory, not even the first */
        return;
    if (has_room(b, bytes.size)) {
        memcpy(b->data + b->size, bytes.data, bytes.size);
        b->size += bytes.size;
        return;
    }
    room = buffer_reserve(b, bytes.size);
    if (room == NULL)
        return;
    memcpy(room, bytes.data, bytes.size);
    buffer_grown(b, bytes.size);
}

void buffer_byte(struct buffer *b, char byte)
{
    if (has_room(b, 1)) {
        b->data[b->size++] = byte;
        return;
    }
    buffer_append(b, (struct slice){&byte, 1});
}

void buffer_text(struct buffer *b, const char *text)
{
    buffer_append(b, slice_of(text));
}

/* Two digits at a time: instants have twelve, and dividing is what costs. */
void buffer_u64(struct buffer *b, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof(digits);

    for (; value >= 10; value /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + value % 100 * 2, 2);
    }
    if (value > 0 || at == sizeof(digits))
        digits[--at] = (char)('0' + value);
    buffer_append(b, (struct slice){digits + at, sizeof(digits) - at});
}

void buffer_i64(struct buffer *b, int64_t value)
{
    if (value < 0)
        buffer_byte(b, '-');
    buffer_u64(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list arguments;
    char *room;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    room = buffer_reserve(b, (size_t)size + 1); /* one more for the zero that printf writes */
    if (room == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(room, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buffer_grown(b, (size_t)size);
}

void buffer_drop(struct buffer *b, size_t size)
{
    assert(size <= b->size);
    if (size == 0)
        return;
    memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
}

struct slice buffer_slice(const struct buffer *b)
{
    return (struct slice){b->data, b->size};
}
