/*
 * stat.h: the statistics that reports show: quantiles and intervals.
 *
 * The only place in llmgw that may use floating point: these are estimates about samples,
 * never money, tokens or time.
 */
#ifndef CMD_STAT_H
#define CMD_STAT_H

#include "core/base.h"

/* Sorts in place. permille 500 is the median; the lower of two middles. 0 for no samples. */
int64_t stat_quantile(int64_t *samples, size_t n, unsigned permille);

/*
 * The 95 % interval for a share of k in n, in parts per million.
 * Source: Wilson, "Probable inference, the law of succession, and statistical inference",
 * J. Am. Stat. Assoc. 22 (1927); z = 1.959964.
 */
void stat_wilson(size_t k, size_t n, int64_t *ret_low_ppm, int64_t *ret_high_ppm);

#endif
