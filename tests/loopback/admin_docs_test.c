/* docs/mock-api.md against the program: every curl example of the page is carried out, one after
 * the other, against a mock as the page starts it, and must be answered well. Which listener an
 * example means is told by its port, as the page prints them. And every route of the API is on the
 * page. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/loopback/admin_asks.h"
#include "tests/support/expect.h"

enum { PAGE_BYTES_MAX = 1 << 20, HEADERS_BYTES_MAX = 1024, PORT_FIRST = 8100 };

static struct mock_child mock;
static char page[PAGE_BYTES_MAX];

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void start(void)
{
    FILE *file = fopen("docs/mock-api.md", "r");
    size_t size;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size = fread(page, 1, sizeof(page) - 1, file);
    page[size] = '\0';
    fclose(file);
    mock_child_start(&mock, &(struct mock_child_options){NULL, NULL, 0});
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

/* One example: what stands behind "$ curl", with its quotes still on. */
struct example {
    char method[16];
    char path[512];
    char headers[HEADERS_BYTES_MAX];
    char body[4096];
    bool has_body;
    unsigned port;
};

/* The next word of a command, without its quotes; they may hold line ends. False: the line is over.
 */
static bool next_word(const char **at, char *word, size_t capacity)
{
    const char *from = *at;
    size_t size = 0;
    bool is_quoted = false;

    while (*from == ' ' || (from[0] == '\\' && from[1] == '\n'))
        from += *from == '\\' ? 2 : 1;
    if (*from == '\n' || *from == '\0')
        return false;
    for (; *from != '\0' && (is_quoted || (*from != ' ' && *from != '\n')); from++) {
        if (*from == '\'')
            is_quoted = !is_quoted;
        else if (size + 1 < capacity)
            word[size++] = *from;
    }
    word[size] = '\0';
    *at = from;
    return true;
}

static void read_url(const char *url, struct example *example)
{
    int used = 0;

    CU_ASSERT_FATAL(sscanf(url, "http://127.0.0.1:%u%n", &example->port, &used) == 1);
    snprintf(example->path, sizeof(example->path), "%s", url + used);
}

/* `at` stands behind "curl"; afterwards behind the command. */
static void read_example(const char **at, struct example *example)
{
    char word[4096];

    *example = (struct example){.method = ""};
    while (next_word(at, word, sizeof(word))) {
        if (strcmp(word, "-X") == 0) {
            CU_ASSERT_FATAL(next_word(at, example->method, sizeof(example->method)));
        } else if (strcmp(word, "-H") == 0) {
            size_t used = strlen(example->headers);

            CU_ASSERT_FATAL(next_word(at, word, sizeof(word)));
            snprintf(example->headers + used, sizeof(example->headers) - used, "%s\r\n", word);
        } else if (strcmp(word, "-d") == 0) {
            example->has_body = true;
            CU_ASSERT_FATAL(next_word(at, example->body, sizeof(example->body)));
        } else if (word[0] != '-') {
            read_url(word, example);
        }
    }
}

static uint16_t carry_out(const struct example *example)
{
    static const char *const listeners[] = {"anthropic", "openai", "gemini",
                                            "gateway",   "hooks",  "admin"};
    const char *root = "/_brownout/";
    struct asked_for asked = {
        .method = example->method[0] != '\0' ? example->method : NULL,
        .path = example->path,
        .headers = example->headers,
        .body = example->has_body ? example->body : NULL,
    };

    CU_ASSERT_FATAL(example->port >= PORT_FIRST && example->port < PORT_FIRST + 6);
    asked.listener = listeners[example->port - PORT_FIRST];
    if (strcmp(asked.listener, "admin") == 0) {
        CU_ASSERT_FATAL(strncmp(asked.path, root, strlen(root)) == 0);
        asked.listener = NULL;
        asked.path += strlen(root);
    }
    return http_asks(&mock, &asked);
}

static void every_example_is_answered_well(void)
{
    const char *at = page;
    int examples = 0;

    start();
    while ((at = strstr(at, "\n    $ curl")) != NULL) {
        struct example example;
        uint16_t status;

        at += strlen("\n    $ curl");
        read_example(&at, &example);
        status = carry_out(&example);
        examples++;
        if (status < 200 || status > 299) {
            fprintf(stderr, "\n%s: %.600s\n", example.path, admin_answer_text());
            CU_FAIL("an example of docs/mock-api.md");
        }
    }
    CU_ASSERT(examples > 30);
}

/* The page has a line for each, as "`POST journal/find`". */
static void every_route_is_on_the_page(void)
{
    const char *at;
    int routes = 0;

    start();
    EXPECT_U64(admin_gets(&mock, "?"), 404);
    at = strstr(admin_answer_text(), "\"there_is\":[");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    while ((at = strstr(at, " /_brownout/")) != NULL) {
        const char *method = at;
        char text[96];
        size_t size;

        while (method[-1] != '"')
            method--;
        size = (size_t)snprintf(text, sizeof(text), "`%.*s ", (int)(at - method), method);
        at += strlen(" /_brownout/");
        snprintf(text + size, sizeof(text) - size, "%.*s`", (int)strcspn(at, "\""), at);
        if (strchr(text, '*') != NULL) {
            char *star = strchr(text, '*');

            memmove(star + 4, star + 1, strlen(star + 1) + 1);
            memcpy(star, "NAME", 4);
        }
        if (strstr(page, text) == NULL) {
            fprintf(stderr, "\nnot in docs/mock-api.md: %s\n", text);
            CU_FAIL("a route");
        }
        routes++;
    }
    CU_ASSERT(routes > 20);
}

static CU_TestInfo admin_docs_tests[] = {
    {"every example is answered well", every_example_is_answered_well},
    {"every route is on the page", every_route_is_on_the_page},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo admin_docs_suite = {"admin_docs", NULL, NULL, set_up, tear_down, admin_docs_tests};
