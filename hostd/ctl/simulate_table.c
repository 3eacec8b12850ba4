// SPDX-License-Identifier: GPL-2.0
/* What a simulation found, as a table for people. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/simulate_internal.h"
#include "sim/model.h"

#define MIB_S_PER_GIB_MIN (60.0 * MODEL_MIB_PER_GIB)
#define MIB_S_PER_GIB_H	  (3600.0 * MODEL_MIB_PER_GIB)

/* A slowdown so long that it would push the columns apart says enough with fewer digits. */
static const char *slowdown(double value, char *buffer, size_t length)
{
	snprintf(buffer, length, value < 100 ? "%.4f" : "%.0f", value);
	return buffer;
}

static void print_row(const struct sim_policy *policy, const struct metrics *metrics, bool timing)
{
	double vm_hours = metrics->vm_seconds / 3600;
	char mean[16], relative[16], p99[16], worst[16];

	printf("%-10s %8s %9s %8s %9.4f %9.4f %9s %12.1f %12.1f %11.1f %10.1f %8.2f %8.3f %8" PRIu64,
	       policy->name, slowdown(metrics_mean_slowdown(metrics), mean, sizeof(mean)),
	       slowdown(metrics_mean_relative(metrics), relative, sizeof(relative)),
	       slowdown(metrics_slowdown_at(metrics, 990), p99, sizeof(p99)),
	       100 * metrics_violation(metrics), 100 * metrics_harm(metrics),
	       slowdown(metrics->worst_slowdown, worst, sizeof(worst)),
	       metrics->host_swap_mib_s / MIB_S_PER_GIB_MIN,
	       metrics->guest_swap_mib_s / MIB_S_PER_GIB_MIN,
	       metrics->resident_mib_s / MIB_S_PER_GIB_H, metrics->moved_mib / MODEL_MIB_PER_GIB,
	       vm_hours > 0 ? (double)metrics->calls / vm_hours : 0,
	       vm_hours > 0 ? (double)metrics->turns / vm_hours : 0, metrics->breaches);
	if (timing)
		printf(" %8.2f", metrics->ticks
					 ? (double)metrics->tick_ns / (double)metrics->ticks / 1000
					 : 0);
	printf("  %s\n", metrics->worst_vm);
}

void simulate_print_table(const struct experiment *experiment,
			  const struct simulate_options *options, const struct metrics *metrics)
{
	for (size_t f = 0; f < experiment->n_factors; f++) {
		const struct metrics *first = &metrics[f * experiment->n_policies];

		if (f)
			putchar('\n');
		if (experiment->factors[f] > 0)
			printf("overcommit %.2f: ", experiment->factors[f]);
		if (!first->hosts) {
			puts("not enough VMs to fill a host");
			continue;
		}
		printf("%zu host%s of %.0f GiB, %zu VMs, %.1f days, %.0f VM-hours\n", first->hosts,
		       first->hosts == 1 ? "" : "s", experiment->ram_mib / MODEL_MIB_PER_GIB,
		       first->vms, (double)experiment->duration_s / 86400,
		       first->vm_seconds / 3600);
		printf("%-10s %8s %9s %8s %9s %9s %9s %12s %12s %11s %10s %8s %8s %8s%s  %s\n",
		       "POLICY", "MEAN", "RELATIVE", "P99", "VIOLATED", "HARMED", "WORST",
		       "HOST-SWAP", "GUEST-SWAP", "FOOTPRINT", "MOVED", "CALLS", "TURNS",
		       "BREACHES", options->timing ? "     TICK" : "", "WORST-VM");
		printf("%-10s %8s %9s %8s %9s %9s %9s %12s %12s %11s %10s %8s %8s %8s%s\n", "",
		       "slowdown", "slowdown", "slowdown", "% minutes", "% minutes", "slowdown",
		       "GiB*min", "GiB*min", "GiB*h", "GiB", "/VM-hour", "/VM-hour", "",
		       options->timing ? "       us" : "");
		for (size_t p = 0; p < experiment->n_policies; p++)
			print_row(experiment->policies[p], &first[p], options->timing);
	}
}

void simulate_print_safe(const struct experiment *experiment, const struct safe_factor *found)
{
	printf("%-10s %8s %9s  (harmed VM-minutes stay within 0.1 %%)\n", "POLICY", "SAFE",
	       "HARMED");
	for (size_t p = 0; p < experiment->n_policies; p++) {
		const char *name = experiment->policies[p]->name;

		if (!(found[p].factor > 0))
			printf("%-10s %8s %9s\n", name, "none", "-");
		else
			printf("%-10s %8.2f %9.4f%s\n", name, found[p].factor,
			       100 * metrics_harm(&found[p].metrics),
			       found[p].at_end ? "  or more: no larger host can be filled" : "");
	}
}

void simulate_print_outcome(const struct scenario_outcome *outcome)
{
	struct scenario_expectation expectation;

	for (size_t i = 0;
	     scenario_expect(outcome->scenario, i, &outcome->metrics, outcome->vms, &expectation);
	     i++)
		printf("%s %s: %s %s %.6g, found %.6g\n", expectation.met ? "met    " : "NOT met",
		       expectation.of ? expectation.of : "host", expectation.what,
		       expectation.at_most ? "at most" : "at least", expectation.bound,
		       expectation.found);
}
