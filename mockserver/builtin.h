#ifndef MOCKSERVER_BUILTIN_H
#define MOCKSERVER_BUILTIN_H

/* The scenario of a mock that was given none: one fast model per provider, nothing goes wrong. */

extern const char builtin_scenario[];

#endif
