#ifndef JUDGE_FIELDS_H
#define JUDGE_FIELDS_H

/* One JSON object into one struct, by a table of members: evidence lines, and the parts of run.json
 * that judging again needs.
 *
 *     static const struct field point_fields[] = {
 *         FIELD("x", field_read_instant, struct point, x),
 *         FIELD("y", field_read_instant, struct point, y),
 *     };
 *     static const struct fields point = {"a point", point_fields, ARRAY_SIZE(point_fields)};
 *
 *     fields_read(&point, text, NULL, &p, err);
 *
 * Happy path: the members stand in the table's order, as our own writers put them; others are
 * searched for. Unknown members are ignored, those of FIELD_OPTIONAL may be missing and leave what
 * they would fill as it was. Failure modes, all RC_MALFORMED with a sentence: no JSON object, a
 * member that is missing, stands twice or has a value it cannot have; the record may then be half
 * filled. One pass, no allocation. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/money.h"
#include "base/slice.h"
#include "wire/json.h"

enum { FIELDS_MAX = 64 };

/* The reader's place: the token that begins a member's value. */
struct field_reader {
    struct json json;
    struct json_token token;
    const void *context; /* of fields_read: the scenario, for names */
};

/* Reads the value into `place`, which has `size` bytes. RC_OK, or anything else: it cannot be. */
typedef enum rc field_read(struct field_reader *in, void *place, size_t size);

struct field {
    struct slice name;
    field_read *read;
    size_t offset, size; /* of what it fills, in the struct */
    bool is_optional;
};

#define FIELD_AS(name, read, type, member, is_optional)                                          \
    {                                                                                            \
        {(name), sizeof(name) - 1}, (read), offsetof(type, member), sizeof(((type *)0)->member), \
            (is_optional)                                                                        \
    }
#define FIELD(name, read, type, member) FIELD_AS(name, read, type, member, false)
#define FIELD_OPTIONAL(name, read, type, member) FIELD_AS(name, read, type, member, true)

/* For a value that fills more than one member of the struct: `place` is the struct itself. */
#define FIELD_WHOLE_AS(name, read, type, is_optional)                      \
    {                                                                      \
        {(name), sizeof(name) - 1}, (read), 0, sizeof(type), (is_optional) \
    }
#define FIELD_WHOLE(name, read, type) FIELD_WHOLE_AS(name, read, type, false)
#define FIELD_WHOLE_OPTIONAL(name, read, type) FIELD_WHOLE_AS(name, read, type, true)

struct fields {
    const char *what; /* "journal line": begins every error */
    const struct field *list;
    size_t count; /* at most FIELDS_MAX */
};

MUST_USE enum rc fields_read(const struct fields *fields, struct slice text, const void *context,
                             void *record, struct error *err);

/* The same for an object that is a value within another: after its JSON_OBJECT token. */
MUST_USE enum rc fields_read_inner(const struct fields *fields, struct field_reader *in,
                                   void *record);

field_read field_read_count;   /* unsigned, of 2, 4 or 8 bytes */
field_read field_read_instant; /* nanos; null: NANOS_NEVER */
field_read field_read_flag;    /* bool */
field_read field_read_text;    /* char array; null: empty; cut to the array's size */
field_read field_read_money;   /* dollars, with up to twelve decimals; null: 0 */
field_read field_read_hash;    /* uint64_t, as checksum_write wrote it */

#endif
