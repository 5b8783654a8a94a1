#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* Of both programs: what `version` prints and what every result holds. */

#define BROWNOUT_VERSION "0.1.0"

#endif
