#include "judge/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "judge/fields.h"

#define OPENING SLICE("{\"checkpoint\": {\"lines\": ")

/* --- the line --------------------------------------------------------------------------------- */

static void write_line(const struct checkpoint *checkpoint, bool is_end, struct buffer *out)
{
    char hash[CHECKSUM_TEXT_SIZE];

    checksum_write(checkpoint->hash, hash);
    buffer_append(out, OPENING);
    buffer_u64(out, checkpoint->lines);
    buffer_append(out, SLICE(", \"bytes\": "));
    buffer_u64(out, checkpoint->bytes);
    buffer_append(out, SLICE(", \"hash\": \""));
    buffer_text(out, hash);
    buffer_append(out, is_end ? SLICE("\", \"end\": true}}\n") : SLICE("\", \"end\": false}}\n"));
}

static struct checkpoint behind(const struct checkpoint *before, struct slice stretch,
                                uint64_t lines)
{
    return (struct checkpoint){
        .lines = before->lines + lines,
        .bytes = before->bytes + stretch.size,
        .hash = checksum(before->hash, stretch),
    };
}

void checkpoint_write(struct checkpoint *checkpoint, uint64_t lines, bool is_end,
                      struct buffer *out)
{
    size_t size = out->size;

    *checkpoint = behind(checkpoint, buffer_slice(out), lines);
    write_line(checkpoint, is_end, out);
    checkpoint->bytes += out->size - size;
}

bool line_is_checkpoint(struct slice line)
{
    return slice_starts_with(line, SLICE("{\"checkpoint\":"));
}

/* --- reading ---------------------------------------------------------------------------------- */

void checkpointed_init(struct checkpointed *c, const struct memory *memory)
{
    *c = (struct checkpointed){.number = 1};
    buffer_init(&c->bytes, memory, CHECKPOINT_STRETCH_MAX);
}

void checkpointed_deinit(struct checkpointed *c)
{
    buffer_deinit(&c->bytes);
    *c = (struct checkpointed){0};
}

/* The line `lines` lines into the stretch. */
static uint64_t number_in_stretch(const struct checkpointed *c, uint64_t lines)
{
    return c->number + lines;
}

/* The first line of the stretch that is no JSON object, if there is one: then the fault has a
 * place. */
static bool find_broken(struct slice stretch, uint64_t *index)
{
    static const struct fields nothing = {"line", NULL, 0};
    struct slice line;

    for (*index = 0; slice_cut(&stretch, '\n', &line); (*index)++)
        if (fields_read(&nothing, line, NULL, NULL, NULL) != RC_OK)
            return true;
    return false;
}

static const struct field inner_fields[] = {
    FIELD("lines", field_read_count, struct checkpoint, lines),
};

static enum rc read_inner(struct field_reader *in, void *place, size_t size)
{
    static const struct fields inner = {"checkpoint", inner_fields, ARRAY_SIZE(inner_fields)};

    (void)size;
    return fields_read_inner(&inner, in, place);
}

static const struct field line_fields[] = {
    FIELD_WHOLE("checkpoint", read_inner, struct checkpoint),
};

/* What may be said of a stretch whose checkpoint does not agree with it. */
static void damage_stretch(struct checkpointed *c, struct slice stretch, struct slice line)
{
    static const struct fields fields = {"checkpoint", line_fields, ARRAY_SIZE(line_fields)};
    uint64_t first = c->number, at = number_in_stretch(c, c->lines), broken;
    uint64_t lines = c->checkpoint.lines + c->lines;
    struct checkpoint told;

    if (find_broken(stretch, &broken))
        snprintf(c->damage, sizeof(c->damage), "line %" PRIu64 ": it cannot be read",
                 number_in_stretch(c, broken));
    else if (fields_read(&fields, line, NULL, &told, NULL) != RC_OK)
        snprintf(c->damage, sizeof(c->damage), "line %" PRIu64 ": a checkpoint that cannot be read",
                 at);
    else if (told.lines != lines)
        snprintf(c->damage, sizeof(c->damage),
                 "line %" PRIu64 ": the checkpoint counts %" PRIu64
                 " lines before it, there are %" PRIu64,
                 at, told.lines, lines);
    else
        snprintf(c->damage, sizeof(c->damage),
                 "lines %" PRIu64 " to %" PRIu64 ": not as they were written (checksum)", first,
                 at);
}

/* The line must be, byte for byte, what its writer would have written behind this stretch. */
static void verify(struct checkpointed *c, struct slice stretch, struct slice line)
{
    struct checkpoint expected = behind(&c->checkpoint, stretch, c->lines);
    char text[128];
    struct buffer written = {
        .data = text, .capacity = sizeof(text), .ceiling = sizeof(text), .memory = memory_heap()};
    bool is_end;

    for (int end = 0; end < 2; end++) {
        buffer_clear(&written);
        write_line(&expected, end == 1, &written);
        is_end = end == 1;
        if (slice_is(line, (struct slice){text, written.size - 1})) {
            expected.bytes += written.size;
            c->checkpoint = expected;
            c->has_end = is_end;
            c->verified = stretch.size;
            return;
        }
    }
    damage_stretch(c, stretch, line);
}

/* Looks for the checkpoint of the stretch that begins at the front. */
static void scan(struct checkpointed *c)
{
    while (c->after == 0 && c->damage[0] == '\0') {
        size_t left = c->bytes.size - c->scanned;
        const char *data, *end;
        struct slice line;

        if (left == 0)
            return;
        data = c->bytes.data + c->scanned;
        end = memchr(data, '\n', left);
        if (end == NULL)
            return;
        line = (struct slice){data, (size_t)(end - data)};
        if (line_is_checkpoint(line)) {
            verify(c, (struct slice){c->bytes.data, c->scanned}, line);
            c->after = c->scanned + line.size + 1;
        } else {
            c->lines++;
        }
        c->scanned += line.size + 1;
    }
}

/* On to the stretch behind the verified one, all of which has been handed out. */
static void turn_over(struct checkpointed *c)
{
    assert(c->at == c->verified);
    buffer_drop(&c->bytes, c->after);
    c->at = c->verified = c->after = c->scanned = 0;
    c->lines = 0;
    c->number++; /* the checkpoint's own line */
    if (c->has_end && c->bytes.size > 0)
        snprintf(c->damage, sizeof(c->damage),
                 "line %" PRIu64 ": something stands behind the last checkpoint", c->number);
}

static bool hand_out(struct checkpointed *c, struct slice *line, uint64_t *number)
{
    const char *data, *end;

    if (c->at == c->verified)
        return false; /* perhaps there are no bytes at all to point into */
    data = c->bytes.data + c->at;
    end = memchr(data, '\n', c->verified - c->at);
    assert(end != NULL);
    *line = (struct slice){data, (size_t)(end - data)};
    *number = c->number++;
    c->at += line->size + 1;
    return true;
}

void checkpointed_feed(struct checkpointed *c, struct slice bytes)
{
    assert(!c->is_over);
    if (c->damage[0] != '\0' || bytes.size == 0)
        return;
    if (c->has_end && c->bytes.size == 0) {
        snprintf(c->damage, sizeof(c->damage),
                 "line %" PRIu64 ": something stands behind the last checkpoint", c->number);
        return;
    }
    buffer_append(&c->bytes, bytes);
    if (c->bytes.rc != RC_OK)
        snprintf(c->damage, sizeof(c->damage), "line %" PRIu64 ": no checkpoint follows: %s",
                 c->number, rc_text(c->bytes.rc));
}

bool checkpointed_next(struct checkpointed *c, struct slice *line, uint64_t *number)
{
    while (!hand_out(c, line, number)) {
        if (c->after > 0 && c->damage[0] == '\0')
            turn_over(c);
        if (c->damage[0] != '\0' || c->is_over)
            return false;
        scan(c);
        if (c->after == 0)
            return false;
    }
    return true;
}

void checkpointed_end(struct checkpointed *c)
{
    c->is_over = true;
    if (c->damage[0] != '\0' || c->has_end)
        return;
    snprintf(c->damage, sizeof(c->damage),
             "line %" PRIu64 ": the file ends without its last checkpoint",
             number_in_stretch(c, c->lines));
    c->verified = c->scanned;
}
