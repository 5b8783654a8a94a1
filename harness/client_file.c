#include "client_file.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "os/files.h"
#include "wire/json.h"

enum { CLIENT_BYTES_MAX = 1 << 16 };

enum rc client_file_read(struct client_file *client, const char *name, struct arena *arena,
                         struct error *err)
{
    *client = (struct client_file){0};
    if (files_read(name, CLIENT_BYTES_MAX, arena, &client->text, err) != RC_OK)
        return error_wrap(err, "--client");
    snprintf(client->label, sizeof(client->label), "--client %s", name);
    return RC_OK;
}

/* The one value of a text that was read before, without what stands around it. */
static struct slice block_of(struct slice text)
{
    struct json json;
    struct json_token token;
    size_t from = SIZE_MAX, to = 0;

    json_init(&json, text, JSON_COMMENTS);
    while (json_next(&json, &token) == RC_OK) {
        from = from == SIZE_MAX ? token.offset : from;
        to = token.offset + 1;
    }
    return from < to ? (struct slice){text.data + from, to - from} : (struct slice){0};
}

static bool find(struct slice text, struct slice block, size_t *offset)
{
    const char *at = block.size > 0 ? memmem(text.data, text.size, block.data, block.size) : NULL;

    if (at == NULL)
        return false;
    *offset = (size_t)(at - text.data);
    return true;
}

/* "day.jsonc:15:3: rest" */
static bool take_place(const char *text, const char *file, struct json_position *place,
                       const char **rest)
{
    size_t size = strlen(file);
    int used = 0;

    if (strncmp(text, file, size) != 0 ||
        sscanf(text + size, ":%u:%u: %n", &place->line, &place->column, &used) != 2 || used == 0)
        return false;
    *rest = text + size + used;
    return true;
}

static bool is_before(struct json_position a, struct json_position b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

bool client_file_retell(const struct client_file *client, struct slice scenario, const char *file,
                        struct error *err)
{
    struct slice block;
    struct json_position place, begins, ends, own;
    const char *rest;
    char told[sizeof(err->text)];
    size_t offset;

    if (client->label[0] == '\0' || !take_place(err->text, file, &place, &rest))
        return false;
    block = block_of(client->text);
    if (!find(scenario, block, &offset))
        return false;
    begins = json_position(scenario, offset);
    ends = json_position(scenario, offset + block.size);
    if (is_before(place, begins) || !is_before(place, ends))
        return false;
    own = json_position(client->text, (size_t)(block.data - client->text.data));
    if (place.line == begins.line)
        own.column += place.column - begins.column;
    else
        own.column = place.column;
    own.line += place.line - begins.line;
    snprintf(told, sizeof(told), "%s", rest);
    error_set(err, err->rc, "%s: %s:%u:%u: %s", file, client->label, own.line, own.column, told);
    return true;
}
