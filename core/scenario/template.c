#include "scenario/template.h"

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* How many bytes "{name}" takes at the front of `text`; 0: it does not stand there. */
static size_t place_size(struct slice text)
{
    size_t size = 1;

    if (text.data[0] != '{')
        return 0;
    while (size < text.size && is_name_byte(text.data[size]))
        size++;
    return size > 1 && size < text.size && text.data[size] == '}' ? size + 1 : 0;
}

bool template_next(struct slice *rest, struct template_piece *piece)
{
    struct slice text = *rest;

    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        size_t size = place_size((struct slice){text.data + i, text.size - i});

        if (size == 0)
            continue;
        *piece = (struct template_piece){.literal = {text.data, i},
                                         .name = {text.data + i + 1, size - 2}};
        *rest = (struct slice){text.data + i + size, text.size - i - size};
        return true;
    }
    *piece = (struct template_piece){.literal = text};
    *rest = (struct slice){0};
    return true;
}
