/* OpenAI's embeddings: `POST /v1/embeddings`. The SDKs ask for base64 unless told otherwise and
 * decode it themselves, so both forms tell the same numbers.
 *
 * A component is a numbered draw, scaled so that the vector has length one, as the service's have.
 * Drawn twice, once for the length: no vector is ever kept. */

#include "wire/endpoint.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "wire/json.h"

enum { DIMENSIONS_USUAL = 1536, DIGITS = 8 };

struct vector {
    uint64_t seed;
    uint64_t stream;
    uint32_t place; /* among those with this seed */
    uint32_t dimensions;
    double scale;
};

static double draw(const struct vector *v, uint32_t component)
{
    return rng_unit(v->seed, v->stream, v->place, component) - 0.5;
}

static double length_of(const struct vector *v)
{
    double sum = 0;

    for (uint32_t i = 0; i < v->dimensions; i++)
        sum += draw(v, i) * draw(v, i);
    return sqrt(sum);
}

static struct vector vector_of(const struct embeddings *asked, uint32_t input)
{
    bool has_seed = input < EMBEDDINGS_SEEDS_MAX;
    struct vector v = {
        .seed = has_seed ? asked->seeds[input] : asked->seed_of_others,
        .stream = rng_stream(SLICE("embedding")),
        .place = has_seed ? 0 : input,
        .dimensions = asked->dimensions > 0 ? asked->dimensions : DIMENSIONS_USUAL,
    };
    double length = length_of(&v);

    v.scale = length > 0 ? 1 / length : 0;
    return v;
}

/* "-0.01234567": in fixed notation, since printf is slow and there are many. */
static void write_decimal(double component, struct buffer *out)
{
    char digits[DIGITS + 3] = "0.";
    uint64_t rest = (uint64_t)llround(fabs(component) * 1e8);

    for (size_t at = DIGITS + 2; at > 2; rest /= 10)
        digits[--at] = (char)('0' + rest % 10);
    digits[0] = (char)('0' + rest);
    if (component < 0)
        buffer_byte(out, '-');
    buffer_append(out, (struct slice){digits, DIGITS + 2});
}

static void write_decimals(const struct vector *v, struct buffer *out)
{
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < v->dimensions && out->rc == RC_OK; i++) {
        if (i > 0)
            buffer_byte(out, ',');
        write_decimal(draw(v, i) * v->scale, out);
    }
    buffer_byte(out, ']');
}

/* Up to three bytes wait until they are four characters. */
struct base64 {
    uint32_t bits;
    unsigned bytes;
};

static void write_base64_group(const struct base64 *b, struct buffer *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = b->bits << 8 * (3 - b->bytes);
    char group[] = "====";

    for (unsigned i = 0; i <= b->bytes; i++)
        group[i] = alphabet[bits >> (18 - 6 * i) & 63];
    buffer_append(out, (struct slice){group, 4});
}

static void write_base64_byte(struct base64 *b, uint32_t byte, struct buffer *out)
{
    b->bits = b->bits << 8 | byte;
    if (++b->bytes < 3)
        return;
    write_base64_group(b, out);
    *b = (struct base64){0};
}

static void write_base64(const struct vector *v, struct buffer *out)
{
    struct base64 b = {0};

    buffer_byte(out, '"');
    for (uint32_t i = 0; i < v->dimensions && out->rc == RC_OK; i++) {
        float component = (float)(draw(v, i) * v->scale);
        uint32_t bits;

        memcpy(&bits, &component, sizeof(bits));
        for (unsigned shift = 0; shift < 32; shift += 8)
            write_base64_byte(&b, bits >> shift & 255, out);
    }
    if (b.bytes > 0)
        write_base64_group(&b, out);
    buffer_byte(out, '"');
}

void endpoint_write_embeddings(struct slice model, const struct embeddings *asked,
                               uint64_t input_tokens, struct buffer *body)
{
    buffer_append(body, SLICE("{\"object\":\"list\",\"data\":["));
    for (uint32_t i = 0; i < asked->inputs && body->rc == RC_OK; i++) {
        struct vector v = vector_of(asked, i);

        buffer_text(body, i > 0 ? ",{" : "{");
        buffer_append(body, SLICE("\"object\":\"embedding\",\"index\":"));
        buffer_u64(body, i);
        buffer_append(body, SLICE(",\"embedding\":"));
        if (asked->is_base64)
            write_base64(&v, body);
        else
            write_decimals(&v, body);
        buffer_byte(body, '}');
    }
    buffer_append(body, SLICE("],\"model\":"));
    json_write_text(body, model);
    buffer_append(body, SLICE(",\"usage\":{\"prompt_tokens\":"));
    buffer_u64(body, input_tokens);
    buffer_append(body, SLICE(",\"total_tokens\":"));
    buffer_u64(body, input_tokens);
    buffer_append(body, SLICE("}}"));
}
