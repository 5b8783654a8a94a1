#ifndef MOCKSERVER_BUILTIN_H
#define MOCKSERVER_BUILTIN_H

/* The scenario of a mock that was given none: a model of each family that answers at once; nothing
 * goes wrong. With it the mock answers any model (upstream_options). */

extern const char builtin_scenario[];

#endif
