/* brownout-mock --tls, as libcurl and raw clients find it. */

#include <CUnit/CUnit.h>
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/loopback/mock_child.h"
#include "tests/support/expect.h"

static const char scenario[] =
    "{ \"name\": \"tls\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1ms\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"held\": {\"api\": \"anthropic\", \"first_token\": \"10h\", \"rate\": \"1 tokens/s\"},\n"
    "    \"resets\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"},\n"
    "    \"cuts\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"}}}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,\n"
    "                           \"output_tokens\": 5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]},\n"
    "  \"chaos\": [\n"
    "    {\"phase\": \"a\", \"match\": {\"model\": \"resets\"}, \"fault\": {\"reset\": \"rst\"}},\n"
    "    {\"phase\": \"b\", \"match\": {\"model\": \"cuts\"},\n"
    "     \"fault\": {\"cut\": {\"after_tokens\": 3, \"by\": \"fin\"}}}]}\n";

static struct mock_child mock;
static char ca_file[64];
static CURL *curl;
static struct curl_slist *headers;
static struct buffer body;

static void start_with(const char *const *arguments)
{
    mock_child_start(&mock, &(struct mock_child_options){scenario, arguments, 0});
}

static void set_up(void)
{
    int fd;

    strcpy(ca_file, "/tmp/brownout-mock-test-XXXXXX");
    fd = mkstemp(ca_file);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    mock_child_clear(&mock);
    start_with((const char *[]){"--tls-ca", ca_file, NULL});
    curl = curl_easy_init();
    headers = curl_slist_append(NULL, "content-type: application/json");
    headers = curl_slist_append(headers, "x-api-key: key");
    headers = curl_slist_append(headers, "anthropic-version: 2023-06-01");
    buffer_init(&body, memory_heap(), 1 << 20);
}

static void tear_down(void)
{
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    buffer_deinit(&body);
    mock_child_close(&mock);
    unlink(ca_file);
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    (void)context;
    buffer_append(&body, (struct slice){bytes, size * count});
    return size * count;
}

static size_t leave(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)size;
    (void)count;
    (void)context;
    return 0;
}

static CURLcode post(const char *host, const char *model, bool streams)
{
    char url[128], text[256];

    snprintf(url, sizeof(url), "https://%s:%u/v1/messages", host,
             mock_child_port(&mock, "anthropic"));
    snprintf(text, sizeof(text),
             "{\"model\":\"%s\",\"max_tokens\":100,\"stream\":%s,\"messages\":[{\"role\":\"user\","
             "\"content\":\"hello\"}]}",
             model, streams ? "true" : "false");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    return curl_easy_perform(curl);
}

static long status(void)
{
    long code = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

static void says_https_and_answers_who_trusts_its_certificate(void)
{
    CU_ASSERT(incoming_said(&mock.out, "anthropic https://127.0.0.1:"));
    CU_ASSERT(incoming_said(&mock.out, "admin https://127.0.0.1:"));
    EXPECT_I64(post("127.0.0.1", "claude", false), CURLE_OK);
    EXPECT_I64(status(), 200);
    EXPECT_I64(post("localhost", "claude", true), CURLE_OK);
    CU_ASSERT(slice_has(buffer_slice(&body), SLICE("message_stop")));
}

static void a_client_that_does_not_trust_it_gets_no_answer(void)
{
    FILE *other = fopen(ca_file, "w");

    CU_ASSERT_FATAL(other != NULL);
    fclose(other);
    CU_ASSERT(post("127.0.0.1", "claude", false) != CURLE_OK);
    EXPECT_I64(status(), 0);
}

/* libcurl says the same for both when no byte came, so the journal is asked, too. */
static void planned_endings_stay_what_they_are(void)
{
    CURLcode code = post("127.0.0.1", "resets", false);

    CU_ASSERT(code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
    code = post("127.0.0.1", "cuts", true);
    CU_ASSERT(code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR);
    CU_ASSERT(slice_has(buffer_slice(&body), SLICE(" w2")));
    CU_ASSERT(!slice_has(buffer_slice(&body), SLICE(" w3")));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    EXPECT_U64(incoming_said_times(&mock.journal, SLICE("\"closed_by\":\"fault\"")), 2);
}

static void a_client_that_leaves_a_stream_is_noticed(void)
{
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, leave);
    post("127.0.0.1", "claude", true);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 100L);
    post("127.0.0.1", "held", true);
    curl_easy_cleanup(curl);
    curl = NULL;
    CU_ASSERT(incoming_until(&mock.journal, "\"model\":\"held\""));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"client"));
}

static void who_speaks_no_tls_is_hung_up_on(void)
{
    struct incoming client;

    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_whole("claude"));
    CU_ASSERT(incoming_to_end(&client) != SILENT);
    CU_ASSERT(!incoming_said(&client, "200 OK"));
    incoming_close(&client);
    EXPECT_I64(post("127.0.0.1", "claude", false), CURLE_OK);
}

static void a_handshake_that_comes_byte_by_byte_and_stops_holds_nobody_up(void)
{
    struct incoming client;

    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(send(client.fd, "\x16\x03\x01", 3, MSG_NOSIGNAL) == 3);
    EXPECT_I64(post("127.0.0.1", "claude", false), CURLE_OK);
    incoming_close(&client);
}

static void start_impatiently(void)
{
    mock_child_close(&mock);
    mock_child_clear(&mock);
    start_with((const char *[]){"--tls-ca", ca_file, "--patience", "100ms", NULL});
}

/* Says the first bytes of a handshake, and waits until the mock has had enough. */
static void stop_half_way(void)
{
    struct incoming client;

    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(send(client.fd, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL) == 4);
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    EXPECT_U64(client.bytes.size, 0);
    incoming_close(&client);
}

static void a_handshake_that_stops_is_given_up(void)
{
    start_impatiently();
    stop_half_way();
    EXPECT_I64(post("127.0.0.1", "claude", false), CURLE_OK);
}

static bool is_asked_and_answered(void)
{
    static const char request[] = "GET /v1/models HTTP/1.1\r\nhost: mock\r\nx-api-key: key\r\n"
                                  "anthropic-version: 2023-06-01\r\n\r\n";
    struct pollfd said = {.events = POLLIN};
    curl_socket_t fd;
    char answer[64];
    size_t size = 0;
    CURLcode code;

    if (curl_easy_send(curl, request, sizeof(request) - 1, &size) != CURLE_OK ||
        curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
        return false;
    said.fd = fd;
    do {
        if (poll(&said, 1, MOCK_CHILD_PATIENCE_MS) != 1)
            return false;
        code = curl_easy_recv(curl, answer, sizeof(answer), &size);
    } while (code == CURLE_AGAIN);
    return code == CURLE_OK && slice_has((struct slice){answer, size}, SLICE("200 OK"));
}

static void who_has_shaken_hands_may_take_his_time(void)
{
    start_impatiently();
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    EXPECT_I64(post("127.0.0.1", "claude", false), CURLE_OK);
    stop_half_way(); /* so much time has passed */
    CU_ASSERT(is_asked_and_answered());
}

static CU_TestInfo tests[] = {
    {"says https, and answers who trusts its certificate",
     says_https_and_answers_who_trusts_its_certificate},
    {"a client that does not trust it gets no answer",
     a_client_that_does_not_trust_it_gets_no_answer},
    {"planned endings stay what they are", planned_endings_stay_what_they_are},
    {"a client that leaves a stream is noticed", a_client_that_leaves_a_stream_is_noticed},
    {"who speaks no TLS is hung up on", who_speaks_no_tls_is_hung_up_on},
    {"a handshake that comes byte by byte and stops holds nobody up",
     a_handshake_that_comes_byte_by_byte_and_stops_holds_nobody_up},
    {"a handshake that stops is given up", a_handshake_that_stops_is_given_up},
    {"who has shaken hands may take his time", who_has_shaken_hands_may_take_his_time},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo mock_tls_suite = {"mock_tls", NULL, NULL, set_up, tear_down, tests};
