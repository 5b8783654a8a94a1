#ifndef JUDGE_ALERT_BOOK_H
#define JUDGE_ALERT_BOOK_H

/* Who told whom about which alert: per hook and alert key, what the monitor says it sent and what
 * the mock's journal says arrived.
 *
 *   alert_record (monitor)    --> raised, delivered, undelivered
 *   journal_record (is_hook)  --> accepted (2xx), and of these invalid
 *
 * Somebody else's program names no alert: the mock guesses what a post is about (monitor/alert.h).
 * Its period is then that of its arrival; a guess that it is about money means the scenario's
 * budget, where there is one alone.
 *
 * A key ("budget:hourly:0", "slow:3") is kept as its parts, so an entry has a fixed size, and there
 * is one per hook and window or cool-down, never per alert: a client that alerts at every call
 * costs no more. Failure modes: a key of no alert of this scenario is counted as unreadable;
 * ALERTS_MAX entries or no memory: counted as lost. Nothing is allocated before the first. One
 * thread owns it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "judge/evidence.h"
#include "monitor/alert.h"
#include "scenario/scenario.h"

enum { ALERTS_MAX = 65536 };

struct alert_key {
    enum hook_kind hook;
    enum alert_kind kind;
    uint32_t budget;   /* index; 0 unless ALERT_BUDGET */
    uint64_t period;   /* which window, or which cool-down */
    uint64_t likeness; /* of an alert of somebody else's program, and no budget's: what tells its
                          texts apart; 0: ours */
};

struct alert_entry {
    struct alert_key key;
    uint64_t accepted; /* posts that the hook answered with 2xx */
    uint64_t invalid;  /* of these, with a body that the service does not take */
    nanos accepted_at; /* the first; NANOS_NEVER without one */
    uint64_t raised;   /* by the monitor's records */
    uint64_t delivered;
    uint64_t undelivered; /* given up */
    uint64_t open;        /* neither, when the run ended */
    struct {              /* the first that did not arrive; meaningful with one */
        nanos raised_at;
        uint32_t tries;
        uint16_t status;
    } failure;
};

struct alert_book {
    const struct scenario *scenario;
    const struct memory *memory;
    struct alert_entry *entries; /* in the order of their first mention */
    uint32_t entries_count;
    uint32_t *buckets; /* entry + 1, or 0: empty; linear probing */
    uint32_t buckets_count;
    uint64_t unreadable; /* posts whose alert is not known */
    uint64_t lost;       /* posts and records that found no room */
};

void alert_book_init(struct alert_book *book, const struct scenario *scenario,
                     const struct memory *memory);
void alert_book_deinit(struct alert_book *book); /* a zeroed one is fine */

void alert_book_raised(struct alert_book *book, const struct alert_record *record);
void alert_book_posted(struct alert_book *book, const struct journal_record *record);

/* NULL: nobody mentioned it. */
const struct alert_entry *alert_book_find(const struct alert_book *book, struct alert_key key);

/* "budget:hourly:0" into `text` (ALERT_KEY_MAX bytes). */
void alert_key_write(const struct scenario *scenario, struct alert_key key, char *text);

#endif
