#include "admin_post.h"

#include <string.h>

#include <curl/curl.h>

enum { PATIENCE_S = 10, ERROR_BYTES_MAX = 160 };

/* Where an answer goes: zero-terminated, and cut where there is no room. */
struct answer_text {
    char *text;
    size_t capacity;
    size_t size;
};

static size_t keep_some(char *data, size_t size, size_t count, void *context)
{
    struct answer_text *answer = context;
    size_t room = answer->capacity - 1 - answer->size;
    size_t taken = size * count < room ? size * count : room;

    memcpy(answer->text + answer->size, data, taken);
    answer->size += taken;
    answer->text[answer->size] = '\0';
    return size * count;
}

static enum rc perform(CURL *easy, const char *url, struct answer_text *answer, struct error *err)
{
    CURLcode result;
    long status = 0;

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_some);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    result = curl_easy_perform(easy);
    if (result != CURLE_OK)
        return error_set(err, RC_SYSTEM, "%s: %s", url, curl_easy_strerror(result));
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2)
        return error_set(err, RC_SYSTEM, "%s: answered %ld: %.160s", url, status, answer->text);
    return RC_OK;
}

/* Without `json` it is a GET. */
static enum rc ask(const char *url, const char *json, struct answer_text *answer, struct error *err)
{
    CURL *easy = curl_easy_init();
    struct curl_slist type = {.data = (char *)"content-type: application/json"};
    enum rc rc;

    if (easy == NULL)
        return error_set(err, RC_NOMEM, "%s: out of memory", url);
    answer->text[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    if (json != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &type);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, json);
    }
    rc = perform(easy, url, answer, err);
    curl_easy_cleanup(easy);
    return rc;
}

enum rc admin_post(const char *url, const char *json, struct error *err)
{
    char text[ERROR_BYTES_MAX];

    return ask(url, json, &(struct answer_text){.text = text, .capacity = sizeof(text)}, err);
}

enum rc admin_get(const char *url, char *text, size_t capacity, struct error *err)
{
    return ask(url, NULL, &(struct answer_text){.text = text, .capacity = capacity}, err);
}
