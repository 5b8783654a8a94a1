#include "tests/loopback/admin_asks.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_BYTES_MAX ((size_t)8 << 20)

static char latest[8 << 20];

static void say(const struct incoming *client, const struct asked_for *asked)
{
    const char *body = asked->body != NULL ? asked->body : "";
    const char *method = asked->method;
    struct buffer text;

    if (method == NULL)
        method = asked->body != NULL ? "POST" : "GET";
    buffer_init(&text, memory_heap(), ANSWER_BYTES_MAX);
    buffer_printf(&text,
                  "%s %s%s HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n"
                  "content-length: %zu\r\n%s\r\n",
                  method, asked->listener == NULL ? "/_brownout/" : "", asked->path, strlen(body),
                  asked->headers != NULL ? asked->headers : "");
    buffer_text(&text, body);
    buffer_byte(&text, '\0');
    CU_ASSERT_FATAL(text.rc == RC_OK);
    incoming_say(client, text.data);
    buffer_deinit(&text);
}

static uint16_t keep_answer(const struct incoming *client)
{
    struct slice text = buffer_slice(&client->bytes);
    unsigned status = 0;

    CU_ASSERT_FATAL(slice_copy(text, latest, sizeof(latest)));
    CU_ASSERT_FATAL(sscanf(latest, "HTTP/1.1 %u ", &status) == 1);
    return (uint16_t)status;
}

uint16_t http_asks(const struct mock_child *m, const struct asked_for *asked)
{
    struct incoming client;
    uint16_t status;

    mock_child_connect(m, asked->listener != NULL ? asked->listener : "admin", &client);
    say(&client, asked);
    CU_ASSERT_FATAL(incoming_to_end(&client) == ENDED);
    status = keep_answer(&client);
    incoming_close(&client);
    return status;
}

uint16_t admin_gets(const struct mock_child *m, const char *path)
{
    return http_asks(m, &(struct asked_for){.path = path});
}

uint16_t admin_posts(const struct mock_child *m, const char *path, const char *body)
{
    return http_asks(m, &(struct asked_for){.method = "POST", .path = path, .body = body});
}

uint16_t admin_does(const struct mock_child *m, const char *method, const char *path,
                    const char *body)
{
    return http_asks(m, &(struct asked_for){.method = method, .path = path, .body = body});
}

void admin_begins(const struct mock_child *m, struct incoming *client, const char *path)
{
    mock_child_connect(m, "admin", client);
    say(client, &(struct asked_for){.path = path});
}

const char *admin_answer_text(void)
{
    return latest;
}

bool admin_said(const char *text)
{
    bool is_there = strstr(latest, text) != NULL;

    if (!is_there)
        fprintf(stderr, "\nnot said: %s\nin: %.2000s\n", text, latest);
    return is_there;
}

uint16_t model_asks(const struct mock_child *m, const char *prefix, const char *model,
                    const char *prompt)
{
    char path[128], body[512];

    snprintf(path, sizeof(path), "%s/v1/messages", prefix);
    snprintf(body, sizeof(body),
             "{\"model\":\"%s\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\","
             "\"content\":\"%s\"}]}",
             model, prompt);
    return http_asks(m, &(struct asked_for){.listener = "anthropic",
                                            .path = path,
                                            .headers = "x-api-key: k\r\n"
                                                       "anthropic-version: 2023-06-01\r\n",
                                            .body = body});
}
