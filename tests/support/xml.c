#include "tests/support/xml.h"

#include "base/utf8.h"

enum { DEPTH_MAX = 16, ATTRIBUTES_MAX = 16 };

struct reader {
    struct slice rest;
    struct slice open[DEPTH_MAX];
    uint32_t depth;
};

static bool skip(struct reader *r, const char *text)
{
    struct slice expected = slice_of(text);

    if (!slice_starts_with(r->rest, expected))
        return false;
    r->rest.data += expected.size;
    r->rest.size -= expected.size;
    return true;
}

static void skip_blanks(struct reader *r)
{
    while (skip(r, " ") || skip(r, "\n") || skip(r, "\t") || skip(r, "\r"))
        ;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool take_name(struct reader *r, struct slice *name)
{
    *name = (struct slice){r->rest.data, 0};
    while (name->size < r->rest.size && is_name_byte(r->rest.data[name->size]))
        name->size++;
    r->rest.data += name->size;
    r->rest.size -= name->size;
    return name->size > 0;
}

static bool skip_reference(struct reader *r)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    struct slice digits;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (skip(r, known[i]))
            return true;
    return skip(r, "&#") && take_name(r, &digits) && skip(r, ";");
}

static bool is_forbidden(struct slice c)
{
    unsigned char first = (unsigned char)c.data[0];

    return (first < 0x20 && first != '\t' && first != '\n' && first != '\r') ||
           slice_is(c, SLICE("\xEF\xBF\xBE")) || slice_is(c, SLICE("\xEF\xBF\xBF"));
}

/* Up to `end`, which is left standing. */
static bool skip_text(struct reader *r, char end)
{
    while (r->rest.size > 0 && r->rest.data[0] != end) {
        size_t size = utf8_size(r->rest);

        if (size == 0 || r->rest.data[0] == '<' || is_forbidden((struct slice){r->rest.data, size}))
            return false;
        if (r->rest.data[0] == '&') {
            if (!skip_reference(r))
                return false;
            continue;
        }
        r->rest.data += size;
        r->rest.size -= size;
    }
    return r->rest.size > 0 || end == '<';
}

static bool take_attributes(struct reader *r)
{
    struct slice names[ATTRIBUTES_MAX];
    uint32_t count = 0;

    for (skip_blanks(r); count < ATTRIBUTES_MAX && take_name(r, &names[count]); skip_blanks(r)) {
        for (uint32_t i = 0; i < count; i++)
            if (slice_is(names[i], names[count]))
                return false;
        count++;
        if (!skip(r, "=\"") || !skip_text(r, '"') || !skip(r, "\""))
            return false;
    }
    return count < ATTRIBUTES_MAX;
}

static bool take_end_tag(struct reader *r)
{
    struct slice name;

    return take_name(r, &name) && r->depth > 0 && slice_is(name, r->open[--r->depth]) &&
           skip(r, ">");
}

static bool take_tag(struct reader *r)
{
    struct slice name;

    if (skip(r, "</"))
        return take_end_tag(r);
    if (!skip(r, "<") || !take_name(r, &name) || !take_attributes(r))
        return false;
    if (skip(r, "/>"))
        return true;
    if (r->depth == DEPTH_MAX || !skip(r, ">"))
        return false;
    r->open[r->depth++] = name;
    return true;
}

static bool read_all(struct reader *r)
{
    if (skip(r, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"))
        skip_blanks(r);
    do {
        if (!take_tag(r) || (r->depth > 0 && !skip_text(r, '<')))
            return false;
    } while (r->depth > 0);
    skip_blanks(r);
    return r->rest.size == 0;
}

bool xml_is_well_formed(struct slice text)
{
    struct reader reader = {.rest = text};

    return read_all(&reader);
}

uint32_t xml_elements(struct slice text, const char *name)
{
    struct slice wanted = slice_of(name);
    uint32_t count = 0;

    for (size_t at = 0; at + 1 + wanted.size < text.size; at++)
        count += text.data[at] == '<' &&
                 slice_is((struct slice){text.data + at + 1, wanted.size}, wanted) &&
                 !is_name_byte(text.data[at + 1 + wanted.size]);
    return count;
}
