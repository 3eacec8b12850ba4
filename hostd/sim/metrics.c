// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics (metrics.h). A VM-minute's slowdown is the mean over the seconds in which the VM ran:
 * how much longer its work of that minute took. A minute in which it was started or stopped counts
 * as one. Nothing is left out, neither the start of the run nor that of a VM.
 */
#include "sim/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/model.h"

static size_t bin_of(double slowdown)
{
	double bin;

	if (slowdown < 2)
		return slowdown > 1 ? (size_t)((slowdown - 1) * METRICS_FINE_BINS) : 0;
	bin = (log2(slowdown) - 1) * 64;
	return METRICS_FINE_BINS +
	       (bin < METRICS_COARSE_BINS ? (size_t)bin : METRICS_COARSE_BINS - 1);
}

/* The upper bound of a bin. */
static double slowdown_of(size_t bin)
{
	if (bin < METRICS_FINE_BINS)
		return 1 + (double)(bin + 1) / METRICS_FINE_BINS;
	return exp2(1 + (double)(bin - METRICS_FINE_BINS + 1) / 64);
}

void metrics_minute(struct metrics *metrics, double slowdown, double alone)
{
	metrics->minutes[bin_of(slowdown)]++;
	metrics->vm_minutes++;
	metrics->violated_minutes += slowdown > MODEL_VIOLATION_SLOWDOWN;
	metrics->harmed_minutes += slowdown > MODEL_VIOLATION_SLOWDOWN * alone;
}

void metrics_vm(struct metrics *metrics, const char *id, double slowdown)
{
	metrics->vms++;
	if (slowdown <= metrics->worst_slowdown)
		return;
	metrics->worst_slowdown = slowdown;
	snprintf(metrics->worst_vm, sizeof(metrics->worst_vm), "%s", id);
}

void metrics_add(struct metrics *sum, const struct metrics *metrics)
{
	sum->hosts += metrics->hosts;
	sum->vms += metrics->vms;
	sum->seconds += metrics->seconds;
	sum->vm_seconds += metrics->vm_seconds;
	sum->slowdown_seconds += metrics->slowdown_seconds;
	for (size_t i = 0; i < METRICS_BINS; i++)
		sum->minutes[i] += metrics->minutes[i];
	sum->vm_minutes += metrics->vm_minutes;
	sum->violated_minutes += metrics->violated_minutes;
	sum->relative_seconds += metrics->relative_seconds;
	sum->harmed_minutes += metrics->harmed_minutes;
	if (metrics->worst_slowdown > sum->worst_slowdown) {
		sum->worst_slowdown = metrics->worst_slowdown;
		memcpy(sum->worst_vm, metrics->worst_vm, sizeof(sum->worst_vm));
	}
	sum->host_swap_mib_s += metrics->host_swap_mib_s;
	sum->guest_swap_mib_s += metrics->guest_swap_mib_s;
	sum->resident_mib_s += metrics->resident_mib_s;
	sum->moved_mib += metrics->moved_mib;
	sum->calls += metrics->calls;
	sum->turns += metrics->turns;
	sum->breaches += metrics->breaches;
	sum->ticks += metrics->ticks;
	sum->tick_vms += metrics->tick_vms;
	sum->tick_ns += metrics->tick_ns;
}

double metrics_slowdown_at(const struct metrics *metrics, uint32_t permille)
{
	double wanted = (double)metrics->vm_minutes * permille / 1000;
	uint64_t so_far = 0;

	for (size_t i = 0; i < METRICS_BINS; i++) {
		so_far += metrics->minutes[i];
		if (so_far && (double)so_far >= wanted)
			/* What is not measurably slowed down is not slowed down. */
			return i ? slowdown_of(i) : 1;
	}
	return 1;
}

double metrics_mean_slowdown(const struct metrics *metrics)
{
	return metrics->vm_seconds > 0 ? metrics->slowdown_seconds / metrics->vm_seconds : 1;
}

double metrics_violation(const struct metrics *metrics)
{
	return metrics->vm_minutes ? (double)metrics->violated_minutes / (double)metrics->vm_minutes
				   : 0;
}

double metrics_mean_relative(const struct metrics *metrics)
{
	return metrics->vm_seconds > 0 ? metrics->relative_seconds / metrics->vm_seconds : 1;
}

double metrics_harm(const struct metrics *metrics)
{
	return metrics->vm_minutes ? (double)metrics->harmed_minutes / (double)metrics->vm_minutes
				   : 0;
}
