#ifndef ENGINE_TRANSPORT_H
#define ENGINE_TRANSPORT_H

/* The seam between the client engine and whatever carries its attempts: libcurl's multi interface
 * in harness/curl_transport, the link model in engine/simulator. Values only, no calls.
 *
 *      client engine --- effects: send, cancel, done ---> transport
 *      client engine <-- events: wake, handed, sent, head, body, end --- transport
 *
 * One attempt at a time lives in a slot; (slot, attempt) names it. Events about an attempt that is
 * over are ignored, so a transport need not chase its own late callbacks.
 *
 * In the simulator a request, and an answer that nothing is wrong with, may travel as values
 * (engine/told.h): `told` in place of bytes, TOLD in place of HEAD, BODY and a whole END.
 *
 * Order for one attempt: HANDED, then SENT once connected and about to write, then HEAD once, BODY
 * any number of times, END exactly once. END may come at any point after HANDED. After a cancel
 * effect nothing more is owed. Several requests may never be made out of one send effect: sending
 * again is the engine's decision alone (design §4, "libcurl must never resend"). */

#include <stdint.h>

#include "base/nanos.h"
#include "base/slice.h"
#include "engine/told.h"
#include "judge/evidence.h"
#include "wire/answer_head.h"

enum client_event_kind {
    CLIENT_WAKE,   /* time has come (client_wakes_at), or may have */
    CLIENT_HANDED, /* a send effect was given to the transport */
    CLIENT_SENT,   /* on a connected wire */
    CLIENT_HEAD,   /* status and headers are whole */
    CLIENT_BODY,   /* some bytes of the body */
    CLIENT_TOLD,   /* a stretch of an undisturbed answer, as a value */
    CLIENT_END,    /* the attempt is over */
    CLIENT_STOP,   /* end in order: every open call ends as unfinished, no new one starts */
};

/* How an attempt ended, as the transport sees it. */
enum client_end {
    END_WHOLE,   /* the message was whole by its framing */
    END_SHORT,   /* the connection ended before the framing said so, or before any byte (FIN) */
    END_RESET,   /* RST, or any other failure of an established connection */
    END_CONNECT, /* refused, unreachable */
    END_DNS,
    END_TLS,
};

struct client_event {
    enum client_event_kind kind;
    nanos at; /* never decreases from one event to the next */
    uint32_t slot;
    uint32_t attempt;
    const struct answer_head *head; /* CLIENT_HEAD: borrowed for the step */
    struct slice body;              /* CLIENT_BODY: borrowed for the step */
    const struct told_answer *told; /* CLIENT_TOLD: borrowed for the step */
    enum client_end end;            /* CLIENT_END */
};

enum client_effect_kind {
    CLIENT_SEND,   /* hand this request to the transport */
    CLIENT_CANCEL, /* drop the attempt and its connection; owe nothing more */
    CLIENT_DONE,   /* a call is over: here is its record */
};

struct client_effect {
    enum client_effect_kind kind;
    uint32_t slot;
    uint32_t attempt;
    /* CLIENT_SEND; the slices live until the attempt is over (END stepped or cancel taken): */
    uint32_t provider;    /* index into the scenario's providers, or a service's URLs */
    struct slice path;    /* "/v1/messages" */
    struct slice headers; /* whole "name: value\r\n" lines */
    struct slice body;
    const struct told_ask
        *told; /* in their place, when the client was made so; until client_next */
    /* Of the call, final when CLIENT_DONE; lives until the next client_next: */
    const struct call_record *record;
};

#endif
