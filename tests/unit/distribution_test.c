#include "base/distribution.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdbool.h>

#include "base/attributes.h"

static const struct distribution FIRST_TOKEN = {DISTRIBUTION_LOGNORMAL, 400.0, 2000.0};

static bool is_near(double actual, double expected, double tolerance)
{
    return fabs(actual - expected) <= tolerance * fabs(expected);
}

/* Quantiles to sixteen digits from published tables; one for each branch, and near its edges. */
static void the_normal_inverse_is_right_to_seven_digits(void)
{
    static const struct {
        double u;
        double z;
    } rows[] = {
        {0.6, 0.2533471031357997},     {0.75, 0.6744897501960817}, {0.9, 1.2815515655446004},
        {0.975, 1.9599639845400545},   {0.99, 2.3263478740408408}, {0.999, 3.090232306167813},
        {0.999999, 4.753424308822899},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {

        CU_ASSERT(is_near(distribution_normal_at(rows[i].u), rows[i].z, 5e-7));
        CU_ASSERT(is_near(distribution_normal_at(1.0 - rows[i].u), -rows[i].z, 5e-7));
    }
    CU_ASSERT(distribution_normal_at(0.5) == 0.0);
    CU_ASSERT(is_near(distribution_normal_at(1e-20), -9.262340089798408, 5e-7));
}

static void the_normal_inverse_never_goes_down(void)
{
    double before = distribution_normal_at(1e-6);

    for (int i = 2; i < 1000000; i += 7) {
        double z = distribution_normal_at(i * 1e-6);

        CU_ASSERT_FATAL(z >= before);
        before = z;
    }
}

static void a_fixed_value_is_always_itself(void)
{
    struct distribution fixed = {DISTRIBUTION_FIXED, 120.0, 0.0};

    CU_ASSERT(distribution_at(&fixed, 0.0) == 120.0);
    CU_ASSERT(distribution_at(&fixed, 0.999) == 120.0);
    CU_ASSERT(distribution_mean(&fixed) == 120.0);
}

static void a_log_normal_one_passes_through_its_median_and_its_p99(void)
{
    CU_ASSERT(is_near(distribution_at(&FIRST_TOKEN, 0.5), 400.0, 1e-6));
    CU_ASSERT(is_near(distribution_at(&FIRST_TOKEN, 0.99), 2000.0, 1e-6));
    CU_ASSERT(is_near(distribution_at(&FIRST_TOKEN, 0.01), 400.0 * 400.0 / 2000.0, 1e-6));
}

static void the_ends_are_finite_and_above_zero(void)
{
    double lowest = distribution_at(&FIRST_TOKEN, 0.0);

    CU_ASSERT(lowest > 0.0);
    CU_ASSERT(lowest < 10.0);
    CU_ASSERT(distribution_at(&FIRST_TOKEN, 0x1.fffffffffffffp-1) <= 10.0 * 2000.0);
}

static void a_wide_one_is_cut_at_ten_times_its_p99(void)
{
    struct distribution wide = {DISTRIBUTION_LOGNORMAL, 1.0, 1e6};

    CU_ASSERT(distribution_at(&wide, 0.999999) == 1e7);
}

static void without_spread_it_is_its_median(void)
{
    struct distribution narrow = {DISTRIBUTION_LOGNORMAL, 5.0, 5.0};
    struct distribution zero = {DISTRIBUTION_LOGNORMAL, 0.0, 10.0};

    CU_ASSERT(distribution_at(&narrow, 0.9) == 5.0);
    CU_ASSERT(distribution_mean(&narrow) == 5.0);
    CU_ASSERT(distribution_at(&zero, 0.9) == 0.0);
    CU_ASSERT(distribution_mean(&zero) == 0.0);
}

/* The mean formula against the middle of ten thousand strips of equal share. */
static void the_mean_is_the_mean_of_the_draws(void)
{
    double sum = 0;

    for (int i = 0; i < 10000; i++)
        sum += distribution_at(&FIRST_TOKEN, (i + 0.5) / 10000);
    CU_ASSERT(is_near(sum / 10000, distribution_mean(&FIRST_TOKEN), 1e-3));
}

static CU_TestInfo tests[] = {
    {"the normal inverse is right to seven digits", the_normal_inverse_is_right_to_seven_digits},
    {"the normal inverse never goes down", the_normal_inverse_never_goes_down},
    {"a fixed value is always itself", a_fixed_value_is_always_itself},
    {"a log-normal one passes through its median and its p99",
     a_log_normal_one_passes_through_its_median_and_its_p99},
    {"the ends are finite and above zero", the_ends_are_finite_and_above_zero},
    {"a wide one is cut at ten times its p99", a_wide_one_is_cut_at_ten_times_its_p99},
    {"without spread it is its median", without_spread_it_is_its_median},
    {"the mean is the mean of the draws", the_mean_is_the_mean_of_the_draws},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo distribution_suite = {"distribution", NULL, NULL, NULL, NULL, tests};
