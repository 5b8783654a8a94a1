#include "lane.h"

#include <assert.h>

#include <curl/curl.h>

static int take_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct lane *lane = context;
    nanos at = NANOS_NEVER;

    (void)multi;
    if (timeout_ms == 0) /* the usual case: at once, so the latest reading of the clock will do */
        at = lane->host->transfers->latest_at;
    else if (timeout_ms > 0)
        at = transfer_now(lane->host->transfers) + timeout_ms * NANOS_MS;
    timers_set(lane->host->deadlines, lane->index, at);
    return 0;
}

static int take_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
    struct lane *lane = context;
    unsigned wanted = 0;

    (void)easy, (void)of_socket;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= POLLER_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= POLLER_WRITABLE;
    return poller_want(lane->host->poller, fd, wanted, lane) == RC_OK ? 0 : -1;
}

enum rc lane_open(struct lane *lane, const struct lane_host *host, uint32_t index)
{
    CURLM *multi = curl_multi_init();
    CURLMcode bad = CURLM_OK;

    *lane = (struct lane){.host = host, .multi = multi, .index = index};
    if (multi == NULL)
        return RC_NOMEM;
#define SET(option, value) bad |= curl_multi_setopt(multi, option, value)
    SET(CURLMOPT_TIMERFUNCTION, take_timer);
    SET(CURLMOPT_TIMERDATA, lane);
    SET(CURLMOPT_SOCKETFUNCTION, take_socket);
    SET(CURLMOPT_SOCKETDATA, lane);
    SET(CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    /* One connection a place, idle ones included. */
    SET(CURLMOPT_MAXCONNECTS, (long)LANE_TRANSFERS_MAX);
    SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)LANE_TRANSFERS_MAX);
#undef SET
    if (bad == CURLM_OK)
        return RC_OK;
    lane_close(lane);
    return RC_NOMEM;
}

void lane_close(struct lane *lane)
{
    assert(lane->transfers_count == 0);
    if (lane->multi != NULL)
        curl_multi_cleanup(lane->multi);
    *lane = (struct lane){0};
}

enum rc lane_add(struct lane *lane, struct transfer *t)
{
    assert(lane->transfers_count < LANE_TRANSFERS_MAX);
    if (curl_multi_add_handle(lane->multi, t->easy) != CURLM_OK)
        return RC_NOMEM;
    t->lane = lane;
    t->is_active = true;
    lane->transfers_count++;
    return RC_OK;
}

void lane_remove(struct lane *lane, struct transfer *t)
{
    assert(t->is_active);
    curl_multi_remove_handle(lane->multi, t->easy);
    t->is_active = false;
    lane->transfers_count--;
}

static void act(struct lane *lane, curl_socket_t fd, int ready)
{
    int running;

    /* Fails only for a handle that is none, or from inside a callback. */
    curl_multi_socket_action(lane->multi, fd, ready, &running);
}

void lane_socket(struct lane *lane, const struct poller_event *event)
{
    int ready = 0;

    if ((event->ready & POLLER_READABLE) != 0)
        ready |= CURL_CSELECT_IN;
    if ((event->ready & POLLER_WRITABLE) != 0)
        ready |= CURL_CSELECT_OUT;
    if ((event->ready & POLLER_BROKEN) != 0)
        ready |= CURL_CSELECT_ERR;
    act(lane, event->fd, ready);
}

void lane_timeout(struct lane *lane)
{
    act(lane, CURL_SOCKET_TIMEOUT, 0);
}

bool lane_ended(struct lane *lane, struct transfer **t, enum client_end *end)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        char *found;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
        *t = (struct transfer *)(void *)found;
        lane_remove(lane, *t);
        *end = transfer_end(*t, (int)result);
        return true;
    }
    return false;
}
