#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *rc_text(enum rc rc)
{
#define RC_TEXT(name, text) [name] = text,
    static const char *const texts[RC_COUNT] = {RC_LIST(RC_TEXT)};
#undef RC_TEXT

    assert(rc < RC_COUNT);
    return texts[rc];
}

enum rc error_set(struct error *err, enum rc rc, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return rc;
    err->rc = rc;
    err->os_errno = 0;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    return rc;
}

enum rc error_wrap(struct error *err, const char *format, ...)
{
    struct error inner;
    va_list arguments;
    size_t used;

    if (err == NULL)
        return RC_MALFORMED;
    inner = *err;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner.text);
    return err->rc;
}
