/* Base URLs: what is taken, what comes of it, and which are this machine. */

#include "scenario/base_url.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"

static struct slice base;
static const char *problem;

static enum rc read(const char *text)
{
    base = (struct slice){0};
    problem = NULL;
    return base_url_read(slice_of(text), &base, &problem);
}

static void expect_base(const char *text, const char *expected)
{
    EXPECT_RC(read(text), RC_OK);
    expect_text(base, slice_of(expected), &(struct expect_place){text, __FILE__, __LINE__});
}

static void expect_problem(const char *text, const char *part)
{
    CU_ASSERT_NOT_EQUAL(read(text), RC_OK);
    CU_ASSERT_PTR_NULL(base.data);
    if (problem == NULL || strstr(problem, part) == NULL)
        CU_FAIL(text);
}

static void a_base_url_loses_its_version_and_its_slash(void)
{
    expect_base("https://api.openai.com/v1", "https://api.openai.com");
    expect_base("https://api.openai.com/v1/", "https://api.openai.com");
    expect_base("https://api.openai.com//", "https://api.openai.com");
    expect_base("https://api.anthropic.com", "https://api.anthropic.com");
    expect_base("http://127.0.0.1:4010/t/NAME/v1", "http://127.0.0.1:4010/t/NAME");
    expect_base("https://generativelanguage.googleapis.com/v1beta/",
                "https://generativelanguage.googleapis.com");
    expect_base("https://host/v1beta/openai", "https://host/v1beta/openai");
    expect_base("https://host/v1/v1beta", "https://host/v1"); /* one is enough */
    expect_base("https://host/av1", "https://host/av1");
    expect_base("https://v1", "https://v1"); /* a host, if a strange one */
    expect_base("http://[2001:db8::1]:80/a%20b", "http://[2001:db8::1]:80/a%20b");
}

static void what_is_no_base_url_is_refused(void)
{
    expect_problem("", "no http:// or https://");
    expect_problem("api.openai.com", "no http:// or https://");
    expect_problem("HTTPS://api.openai.com", "no http:// or https://");
    expect_problem("ftp://host", "no http:// or https://");
    expect_problem("https://", "no host");
    expect_problem("https:///v1", "no host");
    expect_problem("https://:80", "no host");
    expect_problem("https://ho st", "no host");
    expect_problem("https://host\\evil", "no host");
    expect_problem("https://[::1", "no host");
    expect_problem("https://[]", "no host");
    expect_problem("https://[::1]x", "port");
    expect_problem("https://host:", "port");
    expect_problem("https://host:0", "port");
    expect_problem("https://host:65536", "port");
    expect_problem("https://host:80:80", "port");
    expect_problem("https://host:-1", "port");
    expect_problem("https://host/a b", "path");
    expect_problem("https://host/\x7f", "path");
    expect_problem("https://host/\r\nx-evil: 1", "path");
}

static void user_info_queries_and_fragments_are_refused(void)
{
    expect_problem("https://me@host", "user info");
    expect_problem("https://me:pw@host/v1", "user info");
    expect_problem("https://host?key=1", "query");
    expect_problem("https://host/v1?key=1", "query");
    expect_problem("https://host/#key", "fragment");
    expect_base("https://host/a@b", "https://host/a@b");
}

static void a_base_url_has_a_ceiling(void)
{
    char text[BASE_URL_MAX + 2] = "https://";

    memset(text + 8, 'a', sizeof(text) - 9);
    EXPECT_RC(read(text), RC_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(problem, "200 bytes"));
    text[BASE_URL_MAX] = '\0';
    EXPECT_RC(read(text), RC_OK);
}

static void only_this_machine_is_loopback(void)
{
    static const char *const here[] = {"http://localhost:80", "https://LocalHost/x",
                                       "http://127.0.0.1",    "http://127.1.2.3:99/v",
                                       "http://[::1]",        "http://[::1]:8080/v"};
    static const char *const elsewhere[] = {"http://api.openai.com", "http://127.0.0.1.example.org",
                                            "http://127.0.0.1.",     "http://127.1",
                                            "http://127.0.0.256",    "http://localhost.example.org",
                                            "http://[::2]",          "http://128.0.0.1",
                                            "http://host/localhost", "http://0.0.0.0",
                                            "http://127.0.0.0.1",    "http://127..0.1"};

    for (size_t i = 0; i < ARRAY_SIZE(here); i++) {
        if (!base_url_is_loopback(slice_of(here[i])))
            CU_FAIL(here[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
        if (base_url_is_loopback(slice_of(elsewhere[i])))
            CU_FAIL(elsewhere[i]);
    }
}

static void https_is_secure(void)
{
    CU_ASSERT(base_url_is_secure(SLICE("https://host")));
    CU_ASSERT_FALSE(base_url_is_secure(SLICE("http://host")));
}

static CU_TestInfo tests[] = {
    {"a base URL loses its version and its slash", a_base_url_loses_its_version_and_its_slash},
    {"what is no base URL is refused", what_is_no_base_url_is_refused},
    {"user info, queries and fragments are refused", user_info_queries_and_fragments_are_refused},
    {"a base URL has a ceiling", a_base_url_has_a_ceiling},
    {"only this machine is loopback", only_this_machine_is_loopback},
    {"https is secure", https_is_secure},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo base_url_suite = {"base URL", NULL, NULL, NULL, NULL, tests};
