#ifndef OS_PROMPTNESS_H
#define OS_PROMPTNESS_H

/* Asks the system to wake the calling thread on time. Two wishes that need no right, and that a
 * system may ignore:
 *
 *   timer slack  1 ns: otherwise a sleep may end 50 us late, so that wake-ups can be gathered
 *   time slice   100 us: a thread that asks for short slices runs sooner after waking, at the price
 *                of being interrupted sooner (Linux 6.12 and later; no effect before)
 *
 * For threads that keep a schedule. Cannot fail in a way that matters. */

void promptness_ask(void);

#endif
