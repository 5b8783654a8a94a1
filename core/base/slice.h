#ifndef BASE_SLICE_H
#define BASE_SLICE_H

/* A borrowed stretch of bytes. Not zero-terminated: C strings exist only at system borders.
 * A zeroed slice is empty. Who owns the bytes, and for how long, is said where a slice is handed
 * out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t size;
};

#define SLICE(literal) ((struct slice){("" literal), sizeof(literal) - 1})
#define SLICE_ARG(s) (int)(s).size, (s).data /* for "%.*s" */

struct slice slice_of(const char *text); /* a zero-terminated string, borrowed */
bool slice_is(struct slice a, struct slice b);
bool slice_is_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_starts_with(struct slice s, struct slice prefix);
bool slice_has(struct slice s, struct slice needle);

/* Cuts spaces, tabs, CR and LF from both ends. */
struct slice slice_trim(struct slice s);

/* Takes the part before `separator` off the front of `*rest` (the separator goes too). Without one
 * the whole rest is taken. False, and nothing taken, when the rest is empty. */
bool slice_cut(struct slice *rest, char separator, struct slice *part);

/* A whole non-negative decimal number, the entire slice; false on anything else or on overflow. */
bool slice_u64(struct slice s, uint64_t *value);

/* Copies into a zero-terminated array, cut at capacity - 1 bytes. Returns whether all fitted. */
bool slice_copy(struct slice s, char *out, size_t capacity);

/* Shell-style match of the whole text: `*` any run, `?` any one byte. No allocation, no recursion.
 */
bool slice_glob(struct slice pattern, struct slice text);

/* A stable 64-bit hash (FNV-1a with a final mix): the same on every machine and version, because it
 * names random streams (base/rng.h) and so decides which attempts a keyed fault hits. */
uint64_t slice_hash(struct slice s);

/* Edits needed to turn one into the other (Levenshtein, capped at 64 bytes each); for "did you
 * mean". */
uint32_t slice_distance(struct slice a, struct slice b);

#endif
