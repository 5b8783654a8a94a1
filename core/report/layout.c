#include "report/layout.h"

#include <string.h>

enum { REMARK = 24 };

void layout_spaces(struct buffer *out, size_t count)
{
    while (count-- > 0)
        buffer_byte(out, ' ');
}

void layout_left(struct buffer *out, const char *text, size_t width)
{
    size_t size = strlen(text);

    buffer_text(out, text);
    layout_spaces(out, size < width ? width - size : 0);
}

void layout_right(struct buffer *out, const char *text, size_t width)
{
    size_t size = strlen(text);

    layout_spaces(out, size < width ? width - size : 0);
    buffer_text(out, text);
}

static char first_of(struct slice s)
{
    return s.size > 0 ? s.data[0] : '\0';
}

static char last_of(struct slice s)
{
    return s.size > 0 ? s.data[s.size - 1] : '\0';
}

/* A number waits for its unit, a short remark in parentheses for its end. */
static bool is_torn(struct slice piece)
{
    char last = last_of(piece);

    return (last >= '0' && last <= '9') ||
           (first_of(piece) == '(' && last != ')' && piece.size < REMARK);
}

/* Takes what may not be torn: mostly a word. */
static bool cut_piece(struct slice *rest, struct slice *piece)
{
    struct slice word;

    if (!slice_cut(rest, ' ', piece))
        return false;
    while (is_torn(*piece) && slice_cut(rest, ' ', &word))
        piece->size += 1 + word.size;
    return true;
}

void layout_wrapped(struct buffer *out, const char *text, size_t at, size_t indent)
{
    struct slice rest = slice_of(text), piece;
    bool is_first = true;

    while (cut_piece(&rest, &piece)) {
        if (!is_first && at + 1 + piece.size > LAYOUT_LINE) {
            buffer_byte(out, '\n');
            layout_spaces(out, indent);
            at = indent;
        } else if (!is_first) {
            buffer_byte(out, ' ');
            at++;
        }
        buffer_append(out, piece);
        at += piece.size;
        is_first = false;
    }
    buffer_byte(out, '\n');
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_./:-@%+,", c) != NULL);
}

static bool is_plain_text(const char *text)
{
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++)
        if (!is_plain(*text))
            return false;
    return true;
}

void layout_argument(struct buffer *out, const char *text)
{
    if (is_plain_text(text)) {
        buffer_text(out, text);
        return;
    }
    buffer_byte(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_byte(out, *text);
    }
    buffer_byte(out, '\'');
}
