// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl diagnose: from symptoms to correlated figures, to victims and their noisy neighbour,
 * to what helps now and what helps for good. All from the daemon's status; no guessing beyond it:
 * where a figure is not known, nothing is said.
 */
#include "ctl/diagnose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/colour.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/sentences.h"

/* From these on a figure is a symptom: the field's thresholds, see aerostatd.conf(5) [alarms]. */
#define HOST_STALL_PERMILLE 50
#define CPU_WAIT_PERMILLE   50
#define IO_WAIT_PERMILLE    200
#define SWAP_PERMILLE	    50 /* of its maximum in its own swap */
#define NOISY_PERMILLE	    100 /* of what all hold: one who holds less beyond its part is no cause */

static const char help[] =
	"usage: aerostatctl diagnose [OPTION]...\n"
	"Say what is wrong on this host, if anything: the symptoms, the figures behind them, which\n"
	"VMs suffer, which one is their noisy neighbour, and what helps.\n"
	"\n" CTL_HELP_COMMON;

struct findings {
	json_t *symptoms;
	json_t *victims; /* objects: name, sentences */
	json_t *neighbours; /* sentences */
	json_t *remedies;
	bool lacks_memory; /* some VM, or the host, does */
};

static bool flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static bool above(const json_t *object, const char *key, json_int_t limit)
{
	return known(object, key) && number(object, key) > limit;
}

static double percent(const json_t *object, const char *key)
{
	return (double)number(object, key) / 10;
}

static void judge_host(struct findings *findings, const json_t *host)
{
	const char *state = text_of(host, "state", "unknown");

	if (json_is_false(json_object_get(host, "connected"))) {
		say(findings->symptoms, "libvirt cannot be reached: nothing is measured or moved.");
		say(findings->remedies, "Now: look at libvirtd's log, and start it again.");
	}
	if (above(host, "hung_calls", 0)) {
		say(findings->symptoms,
		    "%" JSON_INTEGER_FORMAT " calls into libvirt hang: a QEMU does not answer.",
		    number(host, "hung_calls"));
		say(findings->remedies,
		    "Now: find the QEMU process that is stopped or waits for storage.");
	}
	if (!strcmp(state, "hard") || !strcmp(state, "low")) {
		findings->lacks_memory = true;
		say(findings->symptoms,
		    "The host is %s: %s is available, where %s is to be; %s would be if VMs touched all "
		    "they hold.",
		    state, SIZE(host, "available_kib"), SIZE(host, "reserve_kib"),
		    SIZE(host, "margin_kib"));
	}
	if (above(host, "psi_some_permille", HOST_STALL_PERMILLE)) {
		findings->lacks_memory = true;
		say(findings->symptoms,
		    "Tasks of the host wait for memory for %.1f %% of the time.",
		    percent(host, "psi_some_permille"));
	}
	if (above(host, "swap_out_kib_s", 0))
		say(findings->symptoms, "The host swaps out %s a second.",
		    SIZE(host, "swap_out_kib_s"));
	if (above(host, "shortage_kib", 0)) {
		findings->lacks_memory = true;
		say(findings->symptoms, "VMs in need lack %s; %s is free for them.",
		    SIZE(host, "shortage_kib"), SIZE(host, "free_kib"));
	}
	if (flag(host, "paused"))
		say(findings->symptoms, "All VMs are paused by order: no memory is moved.");
}

/* What a VM suffers from; NULL: nothing. */
static json_t *suffers(struct findings *findings, const json_t *vm)
{
	json_t *sentences = json_array();

	if (flag(vm, "pressed")) {
		say(sentences,
		    "Its guest lacks memory: it swaps in %s a second and takes %" JSON_INTEGER_FORMAT
		    " major faults a second, with %s usable of %s.",
		    SIZE(vm, "swap_in_kib_s"), number(vm, "major_faults_s"), SIZE(vm, "usable_kib"),
		    SIZE(vm, "total_kib"));
		findings->lacks_memory = true;
	}
	if (known(vm, "demand_kib") && known(vm, "actual_kib") &&
	    number(vm, "demand_kib") > number(vm, "actual_kib") &&
	    number(vm, "max_kib") > number(vm, "actual_kib"))
		say(sentences, "It needs %s and has %s (%s).", SIZE(vm, "demand_kib"),
		    SIZE(vm, "actual_kib"), text_of(vm, "reason", "not judged"));
	if (known(vm, "swap_estimate_kib") &&
	    number(vm, "swap_estimate_kib") * 1000 > number(vm, "max_kib") * SWAP_PERMILLE)
		say(sentences, "Up to %s of it is in its own swap.", SIZE(vm, "swap_estimate_kib"));
	if (flag(vm, "harmed"))
		say(sentences,
		    "It loses %.1f %% of its time because the host lacks memory; %s of it is in the "
		    "host's swap.",
		    percent(vm, "harm_permille"), SIZE(vm, "host_swap_kib"));
	if (above(vm, "cpu_wait_permille", CPU_WAIT_PERMILLE))
		say(sentences, "It waits for a CPU for %.1f %% of the time: that is not memory.",
		    percent(vm, "cpu_wait_permille"));
	if (above(vm, "io_wait_permille", IO_WAIT_PERMILLE))
		say(sentences, "It waits for disks for %.1f %% of the time%s.",
		    percent(vm, "io_wait_permille"),
		    flag(vm, "pressed") ? ", by its swapping at least in part" : "");
	if (json_array_size(sentences))
		return sentences;
	json_decref(sentences);
	return NULL;
}

/* What keeps the daemon from helping, or makes it hold more than its part. */
static void judge_behaviour(struct findings *findings, const json_t *vm)
{
	const char *reason = text_of(vm, "reason", ""), *name = text_of(vm, "name", "?");

	if (!strcmp(reason, "stuck"))
		say(findings->symptoms,
		    "%s does not follow its targets: it has %s, and is entitled to %s.", name,
		    SIZE(vm, "actual_kib"), SIZE(vm, "entitlement_kib"));
	else if (!strcmp(reason, "no-stats") || !strcmp(reason, "stale-stats"))
		say(findings->symptoms, "%s reports nothing, so nothing is taken from it: %s.",
		    name, text_of(vm, "sentence", reason));
	else if (!strcmp(reason, "no-effect") || !strcmp(reason, "no-balloon"))
		say(findings->symptoms, "%s cannot give: %s.", name,
		    text_of(vm, "pinned", text_of(vm, "sentence", reason)));
	else if (known(vm, "actual_kib") && !known(vm, "reason_age_ms"))
		say(findings->symptoms, "%s is not judged yet.", name);
	if (json_object_get(vm, "settings_error"))
		say(findings->symptoms, "The settings of %s are wrong: %s.", name,
		    text_of(vm, "settings_error", "?"));
}

/* What it holds beyond its part: beyond its entitlement, or, if that is less, beyond its need. */
static json_int_t excess_kib(const json_t *vm)
{
	json_int_t part_kib = number(vm, "entitlement_kib");

	if (!known(vm, "actual_kib") || !known(vm, "entitlement_kib"))
		return 0;
	if (known(vm, "demand_kib") && number(vm, "demand_kib") < part_kib)
		part_kib = number(vm, "demand_kib");
	return number(vm, "actual_kib") - part_kib;
}

/* Who keeps what the victims lack? Only where memory is lacking is there a neighbour to blame. */
static void find_neighbour(struct findings *findings, const json_t *host, const json_t *vms)
{
	const json_t *noisy = NULL, *largest = NULL;

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);

		if (!noisy || excess_kib(vm) > excess_kib(noisy))
			noisy = vm;
		if (known(vm, "demand_kib") &&
		    (!largest || number(vm, "demand_kib") > number(largest, "demand_kib")))
			largest = vm;
	}
	if (!findings->lacks_memory)
		return;
	if (noisy && excess_kib(noisy) * 1000 > number(host, "charged_kib") * NOISY_PERMILLE)
		say(findings->neighbours, "%s holds %s more than its part (%s; %s).",
		    text_of(noisy, "name", "?"), SIZE_KIB(excess_kib(noisy)),
		    text_of(noisy, "reason", "not judged"), text_of(noisy, "sentence", ""));
	else if (largest)
		say(findings->neighbours,
		    "Nobody holds much beyond its part; %s needs most, %s. The host is too small for what "
		    "its VMs need.",
		    text_of(largest, "name", "?"), SIZE(largest, "demand_kib"));
}

static void find_remedies(struct findings *findings, const json_t *vms)
{
	bool advised = false;

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		const char *name = text_of(vm, "name", "?"), *reason = text_of(vm, "reason", "");

		if (known(vm, "advised_to_move")) {
			say(findings->remedies,
			    "Now: move %s to another host (virsh migrate); its leaving frees %s.",
			    name, SIZE(vm, "actual_kib"));
			advised = true;
		}
		if (flag(vm, "pressed") && number(vm, "actual_kib") < number(vm, "max_kib"))
			say(findings->remedies, "Now: aerostatctl boost %s %s --for 1h", name,
			    SIZE(vm, "max_kib"));
		else if (flag(vm, "pressed"))
			say(findings->remedies,
			    "For good: %s has all its memory; it needs a larger maximum.", name);
		if (!strcmp(reason, "stuck") || !strcmp(reason, "no-stats") ||
		    !strcmp(reason, "stale-stats"))
			say(findings->remedies,
			    "For good: see to the balloon driver in the guest of %s.", name);
		if (!strcmp(reason, "no-effect"))
			say(findings->remedies,
			    "For good: set mode=off for %s, or take away what pins its memory.",
			    name);
	}
	if (findings->lacks_memory && !advised)
		say(findings->remedies,
		    "For good: aerostatctl capacity shows who is oversized; lower their maxima, or move "
		    "a VM away.");
}

static struct findings judge(const json_t *status)
{
	const json_t *host = json_object_get(status, "host"), *vms = json_object_get(status, "vms");
	struct findings findings = { json_array(), json_array(), json_array(), json_array(),
				     false };

	judge_host(&findings, host);
	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		json_t *sentences = suffers(&findings, vm);

		judge_behaviour(&findings, vm);
		if (sentences)
			json_array_append_new(findings.victims, json_pack("{s:s, s:o}", "name",
									  text_of(vm, "name", "?"),
									  "sentences", sentences));
	}
	find_neighbour(&findings, host, vms);
	find_remedies(&findings, vms);
	return findings;
}

static void print_list(const char *heading, const json_t *sentences)
{
	if (!json_array_size(sentences))
		return;
	puts(heading);
	print_sentences(sentences, "  ");
}

static void print_findings(const struct findings *findings)
{
	if (!json_array_size(findings->symptoms) && !json_array_size(findings->victims)) {
		printf("%sNothing is wrong%s: no VM lacks memory, and the host has what it is to have.\n",
		       colour(COLOUR_GOOD), colour_end());
		return;
	}
	print_list("Symptoms", findings->symptoms);
	for (size_t i = 0; i < json_array_size(findings->victims); i++) {
		const json_t *victim = json_array_get(findings->victims, i);

		printf("Suffers: %s%s%s\n", colour(COLOUR_BAD), text_of(victim, "name", "?"),
		       colour_end());
		print_sentences(json_object_get(victim, "sentences"), "  ");
	}
	print_list("Noisy neighbour", findings->neighbours);
	print_list("What helps", findings->remedies);
}

int ctl_diagnose(int argc, char **argv)
{
	struct ctl_common common;
	struct findings findings;
	json_t *status, *all;
	int code;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	if (common.first < argc) {
		fprintf(stderr,
			"aerostatctl: diagnose looks at the whole host; for one VM, explain\n");
		return CTL_USAGE;
	}
	code = client_status(&common.client, &status);
	if (code != CTL_OK)
		return code;
	findings = judge(status);
	all = json_pack("{s:o, s:o, s:o, s:o}", "symptoms", findings.symptoms, "victims",
			findings.victims, "neighbours", findings.neighbours, "remedies",
			findings.remedies);
	if (common.json)
		code = print_json(all);
	else
		print_findings(&findings);
	json_decref(all);
	json_decref(status);
	return code;
}
