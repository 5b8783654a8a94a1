#ifndef OS_SECRECY_H
#define OS_SECRECY_H

/* While secrets are held in memory, the system writes no core dump of this process, and no other
 * process of the same user may read it. Does nothing where the system cannot. The main thread. */

void secrecy_begin(void);
void secrecy_end(void);

#endif
