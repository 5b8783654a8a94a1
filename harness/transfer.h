#ifndef HARNESS_TRANSFER_H
#define HARNESS_TRANSFER_H

/* One attempt inside libcurl: an easy handle, what it sends, and what its callbacks tell the
 * engine.
 *
 * libcurl must never send a request twice (design §4): on a reused connection that dies before the
 * answer it would, silently. Whatever makes it try, it asks "about to send" (PREREQFUNCTION) first;
 * the second time for one attempt we abort, which ends the attempt as a broken connection, for the
 * engine to judge. (A body behind a read function that refuses to rewind would be a second guard;
 * it costs a system call an attempt, a sixth of the rate, and guards nothing that this one does
 * not.) The body is the engine's and is borrowed until the attempt is over.
 *
 *   transfer_prepare --> [lane] --> about to send: SENT --> header lines: HEAD --> BODY ... --> end
 *
 * The handle is made at first use of a slot and kept: from then on an attempt sets only what
 * changed, and allocates nothing of ours. Failure modes: transfer_prepare (memory, or more header
 * lines than TRANSFER_HEADERS_MAX). One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "engine/client.h"
#include "engine/transport.h"
#include "wire/answer_head.h"

enum { TRANSFER_HEADERS_MAX = 24 };

struct curl_slist;
struct lane;
struct poller;

/* What all transfers of one transport share; borrowed for their life. */
struct transfer_host {
    struct client *client;
    struct poller *poller;
    nanos t0;        /* of the monotonic clock: run time 0 */
    nanos latest_at; /* run time, when the clock was read last */
    const struct memory *memory;
    uint64_t connections_opened;
    uint64_t resends_refused; /* times libcurl was about to send again */
};

struct transfer {
    struct transfer_host *host;
    void *easy;               /* CURL; NULL until first used */
    void *place;              /* CURLU: the URL, read; likewise */
    struct curl_slist *lines; /* TRANSFER_HEADERS_MAX nodes, pointing into `headers` */
    struct buffer asked;      /* header lines as the engine wrote them, set last */
    struct buffer headers;    /* the same, zero-terminated */
    struct buffer url;        /* zero-terminated, as set last */
    struct answer_head head;
    uint32_t slot;
    uint32_t attempt;
    struct lane *lane; /* meaningful while active */
    bool is_active;
    bool was_sent; /* SENT was told */
    bool has_head; /* HEAD was told */
};

/* Run time now, and from then on the latest. Reading the clock costs a hundredth of a call: who may
 * be some microseconds behind takes `latest_at`. */
nanos transfer_now(struct transfer_host *host);

/* Makes ready what a send effect asks for; `origin` is "http://127.0.0.1:8001". */
MUST_USE enum rc transfer_prepare(struct transfer *t, struct transfer_host *host,
                                  const struct client_effect *send, const char *origin);

/* What libcurl's result (a CURLcode) means at the seam. */
enum client_end transfer_end(const struct transfer *t, int result);

void transfer_deinit(struct transfer *t); /* a zeroed transfer is fine; not while in a lane */

#endif
