#include "scenario/subject.h"

#include <assert.h>

/* The pointers to members at the top level follow from the names. */
#define LOG_FIELD_ROW(id, word, about) [LOG_FIELD_##id] = "/" word,
static const char *const log_fields[] = {LOG_FIELD_LIST(LOG_FIELD_ROW)};
#undef LOG_FIELD_ROW

const char *log_field_name(enum log_field field)
{
    assert(field < LOG_FIELDS_COUNT);
    return log_fields[field] + 1;
}

void log_map_init(struct log_map *map)
{
    for (int i = 0; i < LOG_FIELDS_COUNT; i++)
        map->pointers[i] = slice_of(log_fields[i]);
}
