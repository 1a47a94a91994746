/* stat.c: see stat.h. */
#include "cmd/stat.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t stat_quantile(int64_t *samples, size_t n, unsigned permille)
{
    if (n == 0)
        return 0;
    qsort(samples, n, sizeof *samples, by_value);
    return samples[(n - 1) * permille / 1000];
}

void stat_wilson(size_t k, size_t n, int64_t *ret_low_ppm, int64_t *ret_high_ppm)
{
    if (n == 0) {
        *ret_low_ppm = 0;
        *ret_high_ppm = 1000000;
        return;
    }
    const double z = 1.959964;
    double all = (double)n, p = (double)k / all;
    double scale = 1 + z * z / all;
    double centre = p + z * z / (2 * all);
    double spread = z * sqrt(p * (1 - p) / all + z * z / (4 * all * all));
    double low = (centre - spread) / scale, high = (centre + spread) / scale;
    *ret_low_ppm = k == 0 ? 0 : (int64_t)llround(low * 1e6);
    *ret_high_ppm = k == n ? 1000000 : (int64_t)llround(high * 1e6);
}
