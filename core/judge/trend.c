#include "judge/trend.h"

static const double nanos_per_hour = 3600e9;

void trend_add(struct trend *trend, nanos at, double value)
{
    double hours;

    if (trend->n++ == 0) {
        trend->first_at = at;
        trend->first_value = value;
    }
    value -= trend->first_value;
    hours = (double)(at - trend->first_at) / nanos_per_hour;
    trend->hours += hours;
    trend->values += value;
    trend->hours_squared += hours * hours;
    trend->products += hours * value;
}

bool trend_slope(const struct trend *trend, double *per_hour)
{
    double n = (double)trend->n;
    double spread = n * trend->hours_squared - trend->hours * trend->hours;

    if (trend->n < TREND_SAMPLES_LEAST || spread <= 0)
        return false;
    *per_hour = (n * trend->products - trend->hours * trend->values) / spread;
    return true;
}
