#include "base/rng.h"

uint64_t rng_stream(struct slice name)
{
    return slice_hash(name);
}

void rng_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0;
        uint64_t b = (uint64_t)0xCD9E8D57u * c2;

        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Key: the seed mixed with the stream's lower half; counter: the rest. `i` takes 32 bits, `k` 64.
 */
uint64_t rng_draw(uint64_t seed, uint64_t stream, uint64_t k, uint32_t i)
{
    uint64_t keyed = seed ^ (stream * 0x9E3779B97F4A7C15u);
    uint32_t counter[4] = {(uint32_t)k, (uint32_t)(k >> 32), i, (uint32_t)(stream >> 32)};
    uint32_t key[2] = {(uint32_t)keyed, (uint32_t)(keyed >> 32)};
    uint32_t out[4];

    rng_philox4x32_10(counter, key, out);
    return (uint64_t)out[0] << 32 | out[1];
}

double rng_unit(uint64_t seed, uint64_t stream, uint64_t k, uint32_t i)
{
    return (double)(rng_draw(seed, stream, k, i) >> 11) * 0x1p-53;
}
