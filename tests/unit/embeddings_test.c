/* Embeddings: vectors that SDKs can decode, the same ones each time. */

#include "wire/endpoint.h"

#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/memory.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "wire/json.h"

enum { BODY_BYTES_MAX = 1 << 20, COMPONENTS_MAX = 4096 };

static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), BODY_BYTES_MAX);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

/* Inputs that differ from each other, and from those of another `seed`. */
static struct slice write(uint64_t seed, uint32_t inputs, uint32_t dimensions, bool is_base64)
{
    struct embeddings asked = {
        .inputs = inputs, .dimensions = dimensions, .is_base64 = is_base64, .seed_of_others = seed};

    for (uint32_t i = 0; i < EMBEDDINGS_SEEDS_MAX; i++)
        asked.seeds[i] = seed + i;
    buffer_clear(&out);
    endpoint_write_embeddings(SLICE("text-embedding-3-small"), &asked, 9, &out);
    return buffer_slice(&out);
}

static uint32_t sextet(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = memchr(alphabet, c, 64);

    CU_ASSERT_FATAL(at != NULL);
    return (uint32_t)(at - alphabet);
}

/* Bytes of `text`, four characters at a time, into `bytes`. */
static size_t decode(struct slice text, unsigned char *bytes)
{
    size_t size = 0;

    CU_ASSERT_FATAL(text.size % 4 == 0);
    for (size_t at = 0; at < text.size; at += 4) {
        uint32_t bits = 0;
        size_t padding = 0;

        for (size_t i = 0; i < 4; i++) {
            bool is_padding = text.data[at + i] == '=';

            padding += is_padding;
            bits = bits << 6 | (is_padding ? 0 : sextet(text.data[at + i]));
        }
        for (size_t i = 0; i < 3 - padding; i++)
            bytes[size++] = (unsigned char)(bits >> (16 - 8 * i) & 255);
    }
    return size;
}

static size_t take_base64(struct slice text, double *components)
{
    static unsigned char bytes[COMPONENTS_MAX * 4];
    size_t size = decode(text, bytes);

    EXPECT_U64(size % 4, 0);
    for (size_t i = 0; i < size / 4; i++) {
        uint32_t bits = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
                        (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
        float component;

        memcpy(&component, &bits, sizeof(component));
        components[i] = component;
    }
    return size / 4;
}

/* The components of the input of that number. */
static size_t read_vector(struct slice body, uint64_t input, double *components)
{
    struct json json;
    struct json_token token;
    size_t count = 0;
    uint64_t seen = 0;

    json_init(&json, body, JSON_STRICT);
    while (json_next(&json, &token) == RC_OK) {
        if (token.kind != JSON_KEY || !json_is(&token, SLICE("embedding")) || seen++ != input)
            continue;
        EXPECT_RC(json_next(&json, &token), RC_OK);
        if (token.kind == JSON_STRING)
            return take_base64(token.raw, components);
        while (json_next(&json, &token) == RC_OK && token.kind == JSON_NUMBER)
            EXPECT_RC(json_double(&token, &components[count++]), RC_OK);
        return count;
    }
    CU_FAIL("no such input");
    return 0;
}

static double length_of(const double *components, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += components[i] * components[i];
    return sqrt(sum);
}

static void writes_the_services_members(void)
{
    write(17, 1, 1, false);
    CU_ASSERT(slice_is(buffer_slice(&out),
                       SLICE("{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
                             "\"embedding\":[1.00000000]}],\"model\":\"text-embedding-3-small\","
                             "\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}")) ||
              slice_has(buffer_slice(&out), SLICE("[-1.00000000]")));
}

static void gives_every_vector_the_length_one(void)
{
    static double components[COMPONENTS_MAX];
    static const uint32_t dimensions[] = {0, 1, 2, 3, 255, 256, 1536, 3072};

    for (size_t d = 0; d < ARRAY_SIZE(dimensions); d++) {
        for (uint64_t input = 0; input < 3; input++) {
            size_t count = read_vector(write(17, 3, dimensions[d], false), input, components);

            EXPECT_U64(count, dimensions[d] == 0 ? 1536 : dimensions[d]);
            CU_ASSERT(fabs(length_of(components, count) - 1) < 1e-5);
        }
    }
}

static void tells_the_same_numbers_in_base64(void)
{
    static double decimals[COMPONENTS_MAX], floats[COMPONENTS_MAX];

    for (uint32_t dimensions = 1; dimensions < 40; dimensions++) { /* every padding */
        size_t count = read_vector(write(3, 2, dimensions, false), 1, decimals);

        EXPECT_U64(read_vector(write(3, 2, dimensions, true), 1, floats), count);
        for (size_t i = 0; i < count; i++)
            CU_ASSERT(fabs(decimals[i] - floats[i]) < 1e-7);
    }
}

static void gives_a_seed_its_vector_wherever_it_stands(void)
{
    static double first[COMPONENTS_MAX], again[COMPONENTS_MAX], other[COMPONENTS_MAX];

    read_vector(write(17, 2, 8, false), 0, first);
    read_vector(write(12, 64, 8, false), 5, again);
    CU_ASSERT(memcmp(first, again, 8 * sizeof(first[0])) == 0);
    read_vector(write(17, 2, 8, false), 1, other);
    CU_ASSERT(memcmp(first, other, 8 * sizeof(first[0])) != 0);
    read_vector(write(18, 2, 8, false), 0, other);
    CU_ASSERT(memcmp(first, other, 8 * sizeof(first[0])) != 0);
}

static void tells_inputs_without_a_seed_apart_by_their_places(void)
{
    static double first[COMPONENTS_MAX], again[COMPONENTS_MAX], other[COMPONENTS_MAX];

    read_vector(write(17, EMBEDDINGS_SEEDS_MAX + 2, 8, false), EMBEDDINGS_SEEDS_MAX, first);
    read_vector(write(17, EMBEDDINGS_SEEDS_MAX + 2, 8, false), EMBEDDINGS_SEEDS_MAX, again);
    CU_ASSERT(memcmp(first, again, 8 * sizeof(first[0])) == 0);
    read_vector(write(17, EMBEDDINGS_SEEDS_MAX + 2, 8, false), EMBEDDINGS_SEEDS_MAX + 1, other);
    CU_ASSERT(memcmp(first, other, 8 * sizeof(first[0])) != 0);
}

static void stops_at_the_buffers_ceiling(void)
{
    struct embeddings many = {.inputs = UINT32_MAX, .dimensions = UINT32_MAX / 4096};
    struct buffer small;

    buffer_init(&small, memory_heap(), 1000);
    endpoint_write_embeddings(SLICE("m"), &many, 9, &small);
    EXPECT_RC(small.rc, RC_LIMIT);
    buffer_deinit(&small);
}

static void survives_failing_memory(void)
{
    const struct embeddings two = {.inputs = 2, .dimensions = 64, .is_base64 = true};
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct buffer bytes;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        buffer_init(&bytes, &memory, BODY_BYTES_MAX);
        endpoint_write_embeddings(SLICE("m"), &two, 9, &bytes);
        EXPECT_RC(bytes.rc, flaky.failed ? RC_NOMEM : RC_OK);
        buffer_deinit(&bytes);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static CU_TestInfo embeddings_tests[] = {
    {"writes the service's members", writes_the_services_members},
    {"gives every vector the length one", gives_every_vector_the_length_one},
    {"tells the same numbers in base64", tells_the_same_numbers_in_base64},
    {"gives a seed its vector wherever it stands", gives_a_seed_its_vector_wherever_it_stands},
    {"tells inputs without a seed apart by their places",
     tells_inputs_without_a_seed_apart_by_their_places},
    {"stops at the buffer's ceiling", stops_at_the_buffers_ceiling},
    {"survives failing memory", survives_failing_memory},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo embeddings_suite = {"embeddings", NULL, NULL, set_up, tear_down, embeddings_tests};
