#ifndef HARNESS_OUTPUT_H
#define HARNESS_OUTPUT_H

/* Text for people and pipes: written whole and at once, in the order of the calls. */

#include <stdio.h>

#include "base/slice.h"

void output_write(FILE *stream, struct slice text);

#endif
