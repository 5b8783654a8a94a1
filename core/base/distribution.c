#include "base/distribution.h"

#include <assert.h>
#include <math.h>

static const double NORMAL_P99 = 2.3263478740408408;

/* AS 241, routine PPND7: three rational approximations, by distance from the middle. */
double distribution_normal_at(double u)
{
    double q = u - 0.5;
    double r, value;

    assert(u > 0.0);
    assert(u < 1.0);
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q *
               (((5.9109374720e+01 * r + 1.5929113202e+02) * r + 5.0434271938e+01) * r +
                3.3871327179e+00) /
               (((6.7187563600e+01 * r + 7.8757757664e+01) * r + 1.7895169469e+01) * r + 1.0);
    }
    r = sqrt(-log(q < 0 ? u : 1.0 - u));
    if (r <= 5.0) {
        r -= 1.6;
        value = (((1.7023821103e-01 * r + 1.3067284816e+00) * r + 2.7568153900e+00) * r +
                 1.4234372777e+00) /
                ((1.2021132975e-01 * r + 7.3700164250e-01) * r + 1.0);
    } else {
        r -= 5.0;
        value = (((1.7337203997e-02 * r + 4.2868294337e-01) * r + 3.0812263860e+00) * r +
                 6.6579051150e+00) /
                ((1.2258202635e-02 * r + 2.4197894225e-01) * r + 1.0);
    }
    return q < 0 ? -value : value;
}

static double sigma(const struct distribution *d)
{
    return d->p50 > 0 ? log(d->p99 / d->p50) / NORMAL_P99 : 0.0;
}

double distribution_at(const struct distribution *d, double u)
{
    double value;

    if (d->kind == DISTRIBUTION_FIXED || d->p50 <= 0)
        return d->p50;
    if (u < 0x1p-53)
        u = 0x1p-53;
    value = d->p50 * exp(sigma(d) * distribution_normal_at(u));
    return value < 10.0 * d->p99 ? value : 10.0 * d->p99;
}

double distribution_mean(const struct distribution *d)
{
    double s = sigma(d);

    if (d->kind == DISTRIBUTION_FIXED)
        return d->p50;
    return d->p50 * exp(s * s / 2.0);
}
