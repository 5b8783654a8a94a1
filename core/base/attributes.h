#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

/* The three compiler hints we use, spelled once. */

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
