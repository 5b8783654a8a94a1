#ifndef HARNESS_CURL_TRANSPORT_H
#define HARNESS_CURL_TRANSPORT_H

/* The client engine over real sockets: libcurl's multi interface, many lanes, one loop.
 *
 *      client engine --send, cancel--> transfers in lanes --bytes--> sockets
 *            ^                              |
 *            +--sent, head, body, end-------+     the engine is stepped inside libcurl's callbacks;
 *                                                 its effects are applied after they returned
 *
 * Happy path: curl_transport_new with a fresh engine, curl_transport_run until the engine is done,
 * curl_transport_free. The loop sleeps until a socket is ready, or until the engine or libcurl
 * wants to be woken, whichever comes first, to the nanosecond.
 *
 * Servers are taken as they are: no proxy, whatever the environment says; no redirect followed;
 * HTTP/1.1 only, so that a connection carries one attempt at a time; for https the certificate and
 * the name in it are checked. The engine owns every timeout.
 *
 * Failure modes: curl_transport_new (memory, descriptors). Later ones are an attempt's: it ends as
 * a broken connection and the engine judges it. Descriptors needed: see below.
 *
 * One thread owns it, except curl_transport_stop: any thread. libcurl must have been initialised.
 */

#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/client.h"

struct curl_transport;

struct curl_transport_options {
    struct client *client;      /* borrowed for life, like all below */
    const char *const *origins; /* by the provider of a send: "http://127.0.0.1:8001", or with a
                                   path */
    uint32_t providers_count;
    nanos t0;               /* of the monotonic clock: run time 0 */
    uint32_t in_flight_max; /* of the scenario's load */
    const struct memory *memory;
    /* A call is over; the record is borrowed for the call. */
    void (*on_done)(void *context, const struct call_record *record);
    void *context;
};

struct curl_transport_counts {
    uint64_t connections_opened;
    uint64_t resends_refused; /* times libcurl was about to send a request again */
    uint32_t lanes;
};

/* Connections, idle ones to every provider included, and the few descriptors of the loop itself. */
uint64_t curl_transport_descriptors(uint32_t providers_count, uint32_t in_flight_max);

MUST_USE enum rc curl_transport_new(struct curl_transport **transport,
                                    const struct curl_transport_options *options,
                                    struct error *err);
void curl_transport_free(struct curl_transport *transport); /* NULL is fine */

/* Runs the engine to its end. */
void curl_transport_run(struct curl_transport *transport);

/* End in order: the engine is told CLIENT_STOP at the next turn of the loop. */
void curl_transport_stop(struct curl_transport *transport);

struct curl_transport_counts curl_transport_counts(const struct curl_transport *transport);

#endif
