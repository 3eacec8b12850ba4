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
#include "ctl/columns.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/sentences.h"
#include "ctl/thresholds.h"

#define NOISY_PERMILLE 100 /* of what all hold: one who holds less beyond its part is no cause */

static const char help[] =
	"usage: aerostatctl diagnose [OPTION]...\n"
	"Say what is wrong on this host, if anything: the symptoms, the figures behind them, which\n"
	"VMs suffer, which one is their noisy neighbour, and what helps.\n"
	"\n" CTL_HELP_COMMON;

static const struct threshold stalls = { "psi_some_permille", "psi_limit_permille", "" };
static const struct threshold slow_storage = { "storage_latency_us", "storage_latency_limit_us",
					       "storage-latency" };
static const struct threshold cpu_wait = { "cpu_wait_permille", "cpu_wait_limit_permille",
					   "cpu-wait" };
static const struct threshold io_wait = { "io_wait_permille", "io_wait_limit_permille", "io-wait" };

struct findings {
	const json_t *host;
	struct beyond cpu; /* who waits for CPUs, */
	struct beyond io; /* and for disks */
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

static double milliseconds(const json_t *object, const char *key)
{
	return (double)number(object, key) / 1000;
}

/* Part of a whole as the daemon reckons it for its alarms. */
static json_int_t share_permille(json_int_t part, json_int_t whole)
{
	return whole > 0 ? part * 1000 / whole : 0;
}

/* The daemon calls it hard or low, or so little is available that it is an alarm. */
static void judge_memory(struct findings *findings, const json_t *host)
{
	const char *state = text_of(host, "state", "unknown");
	json_int_t used_permille =
		1000 - share_permille(number(host, "available_kib"), number(host, "total_kib"));

	if (!strcmp(state, "hard") || !strcmp(state, "low") || alarm_is_raised(host, "host-low")) {
		findings->lacks_memory = true;
		say(findings->symptoms,
		    "The host is %s: %s is available, where %s is to be; %s would be if VMs touched all "
		    "they hold.",
		    state, SIZE(host, "available_kib"), SIZE(host, "reserve_kib"),
		    SIZE(host, "margin_kib"));
	} else if (alarm_is_raised(host, "host-memory") ||
		   (known(host, "available_kib") && known(host, "total_kib") &&
		    known(host, "host_used_limit_permille") &&
		    used_permille > number(host, "host_used_limit_permille"))) {
		say(findings->symptoms, "%.1f %% of the host's memory is in use.",
		    (double)used_permille / 10);
		say(findings->remedies,
		    "For good: aerostatctl capacity shows how far this host is overcommitted.");
	}
}

/* Storage that is slow is no lack of memory, but may come from it. */
static void judge_storage(struct findings *findings, const json_t *vms)
{
	const json_t *host = findings->host;
	bool swaps = above(host, "swap_out_kib_s", 0);

	if (!is_beyond(host, host, &slow_storage)) {
		if (alarm_is_raised(host, slow_storage.alarm))
			say(findings->symptoms,
			    "Storage has been slow; how slow it is now is not known.");
		return;
	}
	for (size_t i = 0; i < json_array_size(vms); i++)
		swaps |= flag(json_array_get(vms, i), "pressed");
	say(findings->symptoms,
	    "Storage is slow: an I/O on %s takes %.1f ms, and %.1f are the threshold%s.",
	    text_of(host, "storage_device", "a disk"), milliseconds(host, "storage_latency_us"),
	    milliseconds(host, "storage_latency_limit_us"),
	    swaps ? "; swapping is part of its load" : "");
	if (!swaps)
		say(findings->remedies,
		    "Now: find who reads and writes most (virsh domblkstat), and throttle or move it (virsh "
		    "blkdeviotune, virsh migrate): that is not memory.");
}

/* One sentence for what too many VMs suffer to name each. */
static void judge_waiting(struct findings *findings, const struct beyond *beyond,
			  const struct threshold *threshold, const char *for_what)
{
	if (beyond->n <= NAMED_MOST)
		return;
	say(findings->symptoms,
	    "%zu VMs wait too much for %s (the threshold is %.1f %% of the time); below are the worst %d.",
	    beyond->n, for_what, percent(findings->host, threshold->limit), NAMED_MOST);
}

/* Where nothing is judged or carried out, silence would look like health. */
static void judge_daemon(struct findings *findings, const json_t *host)
{
	const char *state = text_of(host, "state", "");

	if (!state[0] && !json_is_false(json_object_get(host, "connected"))) {
		say(findings->symptoms,
		    "Nothing has been judged yet: the daemon has only just started.");
		say(findings->remedies, "Now: ask again in %" JSON_INTEGER_FORMAT " s.",
		    number(host, "interval_ms") / 1000 + 1);
	}
	if (!strcmp(state, "unknown")) {
		say(findings->symptoms,
		    "What the host has available is not known: no memory is moved.");
		say(findings->remedies,
		    "For good: let the daemon read /proc/meminfo, or set [host] budget.");
	}
	if (flag(host, "dry_run"))
		say(findings->symptoms, "The daemon runs dry (--dry-run): no memory is moved.");
	if (flag(host, "paused"))
		say(findings->symptoms, "All VMs are paused by order: no memory is moved.");
}

static void judge_host(struct findings *findings, const json_t *host)
{
	judge_daemon(findings, host);
	if (json_is_false(json_object_get(host, "connected"))) {
		say(findings->symptoms, "libvirt cannot be reached: nothing is measured or moved.");
		say(findings->remedies, "Now: look at libvirtd's log, and start it again.");
	}
	if (above(host, "hung_calls", 0)) {
		say(findings->symptoms,
		    "%" JSON_INTEGER_FORMAT " call%s into libvirt hang%s: a QEMU does not answer.",
		    number(host, "hung_calls"), number(host, "hung_calls") == 1 ? "" : "s",
		    number(host, "hung_calls") == 1 ? "s" : "");
		say(findings->remedies,
		    "Now: find the QEMU process that is stopped or waits for storage.");
	}
	judge_memory(findings, host);
	if (is_beyond(host, host, &stalls)) {
		/* The daemon has said whether the host is what is short. */
		say(findings->symptoms,
		    "Tasks of the host wait for memory for %.1f %% of the time%s.",
		    percent(host, "psi_some_permille"),
		    findings->lacks_memory
			    ? ""
			    : ", although the host has some: by a limit of their own "
			      "control group, or for slow disks");
	}
	if (above(host, "swap_out_kib_s", 0))
		say(findings->symptoms, "The host swaps out %s a second.",
		    SIZE(host, "swap_out_kib_s"));
	if (above(host, "shortage_kib", 0)) {
		findings->lacks_memory = true;
		say(findings->symptoms, "VMs in need lack %s; %s is free for them.",
		    SIZE(host, "shortage_kib"), SIZE(host, "free_kib"));
	}
	if (known(host, "capacity_kib") &&
	    above(host, "reservations_kib", number(host, "capacity_kib"))) {
		findings->lacks_memory = true;
		say(findings->symptoms,
		    "Reservations, and VMs that cannot be moved, come to %s; all VMs may have %s.",
		    SIZE(host, "reservations_kib"), SIZE(host, "capacity_kib"));
		say(findings->remedies,
		    "For good: lower reservations until they fit, or move a VM away: what is promised "
		    "twice nobody has.");
	}
}

static bool swaps_much(const json_t *host, const json_t *vm)
{
	json_int_t permille =
		share_permille(number(vm, "swap_estimate_kib"), number(vm, "max_kib"));

	return known(vm, "swap_estimate_kib") &&
	       (alarm_is_raised(vm, "guest-swap") ||
		(known(host, "guest_swap_limit_permille") &&
		 permille > number(host, "guest_swap_limit_permille")));
}

/* What is an alarm, but not known at the moment, as when a process cannot be looked at. */
static void say_unknown(json_t *sentences, const json_t *vm)
{
	static const struct {
		const char *alarm;
		const char *figure;
		const char *what;
	} alarms[] = {
		{ "cpu-wait", "cpu_wait_permille", "waits for CPUs" },
		{ "io-wait", "io_wait_permille", "waits for disks" },
		{ "guest-swap", "swap_estimate_kib", "swaps" },
	};

	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++)
		if (alarm_is_raised(vm, alarms[i].alarm) && !known(vm, alarms[i].figure))
			say(sentences, "How much it %s now is not known; it was too much for long.",
			    alarms[i].what);
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
		/* One that has all its memory is too small for its work, on any host. */
		if (number(vm, "actual_kib") < number(vm, "max_kib"))
			findings->lacks_memory = true;
	}
	if (known(vm, "demand_kib") && known(vm, "actual_kib") &&
	    number(vm, "demand_kib") > number(vm, "actual_kib") &&
	    number(vm, "max_kib") > number(vm, "actual_kib"))
		say(sentences, "It needs %s and has %s (%s).", SIZE(vm, "demand_kib"),
		    SIZE(vm, "actual_kib"), text_of(vm, "reason", "not judged"));
	if (swaps_much(findings->host, vm))
		say(sentences, "Up to %s of it is in its own swap.", SIZE(vm, "swap_estimate_kib"));
	/* A balloon that holds much for a while is what balloons are for. */
	if (alarm_is_raised(vm, "ballooned"))
		say(sentences,
		    "Its balloon has held much of it for long: it has %s of %s, so it caches less than it "
		    "could.",
		    SIZE(vm, "actual_kib"), SIZE(vm, "max_kib"));
	if (flag(vm, "harmed"))
		say(sentences,
		    "It loses %.1f %% of its time because the host lacks memory; %s of it is in the "
		    "host's swap.",
		    percent(vm, "harm_permille"), SIZE(vm, "host_swap_kib"));
	if (is_among_worst(&findings->cpu, vm))
		say(sentences, "It waits for a CPU for %.1f %% of the time: that is not memory.",
		    percent(vm, "cpu_wait_permille"));
	if (is_among_worst(&findings->io, vm))
		say(sentences, "It waits for disks for %.1f %% of the time%s.",
		    percent(vm, "io_wait_permille"),
		    flag(vm, "pressed") ? ", by its swapping at least in part" : "");
	say_unknown(sentences, vm);
	if (json_array_size(sentences))
		return sentences;
	json_decref(sentences);
	return NULL;
}

/* What keeps the daemon from helping, or makes it hold more than its part. */
static void judge_behaviour(struct findings *findings, const json_t *vm)
{
	const char *reason = text_of(vm, "reason", ""), *name = text_of(vm, "name", "?");

	if (!strcmp(reason, "stuck") || alarm_is_raised(vm, "stuck"))
		say(findings->symptoms,
		    "%s does not follow its targets: it has %s, and is entitled to %s.", name,
		    SIZE(vm, "actual_kib"), SIZE(vm, "entitlement_kib"));
	else if (!strcmp(reason, "no-stats") || !strcmp(reason, "stale-stats") ||
		 alarm_is_raised(vm, "silent"))
		say(findings->symptoms, "%s reports nothing, so nothing is taken from it: %s.",
		    name, text_of(vm, "sentence", reason));
	else if (!strcmp(reason, "no-effect") || !strcmp(reason, "no-balloon") ||
		 alarm_is_raised(vm, "no-effect"))
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

/* Where an operator keeps a neighbour's memory from being taken, that is the root of it. */
static void free_neighbour(struct findings *findings, const json_t *vm)
{
	const char *mode = text_of(vm, "mode", "auto");

	if (flag(vm, "paused"))
		say(findings->remedies, "Now: aerostatctl resume %s", argument_of(vm));
	else if (strcmp(mode, "auto") != 0)
		say(findings->remedies, "Now: aerostatctl set %s mode=auto (it is %s)",
		    argument_of(vm), mode);
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
	if (noisy && excess_kib(noisy) * 1000 > number(host, "charged_kib") * NOISY_PERMILLE) {
		say(findings->neighbours, "%s holds %s more than its part (%s; %s).",
		    text_of(noisy, "name", "?"), SIZE_KIB(excess_kib(noisy)),
		    text_of(noisy, "reason", "not judged"), text_of(noisy, "sentence", ""));
		free_neighbour(findings, noisy);
	} else if (largest)
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
			say(findings->remedies,
			    "Now: aerostatctl boost %s %" JSON_INTEGER_FORMAT "M --for 1h",
			    argument_of(vm), number(vm, "max_kib") / 1024);
		else if (flag(vm, "pressed"))
			say(findings->remedies,
			    "For good: %s has all its memory; it needs a larger maximum.", name);
		if (flag(vm, "pressed") && known(vm, "limit_kib") &&
		    number(vm, "limit_kib") < number(vm, "max_kib") &&
		    number(vm, "actual_kib") >= number(vm, "limit_kib"))
			say(findings->remedies,
			    "For good: it is at its limit of %s: aerostatctl set %s limit=SIZE",
			    SIZE(vm, "limit_kib"), argument_of(vm));
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

/* What helps now comes before what helps for good. */
static json_t *now_first(json_t *remedies)
{
	json_t *sorted = json_array();

	for (int later = 0; later < 2; later++)
		for (size_t i = 0; i < json_array_size(remedies); i++) {
			json_t *remedy = json_array_get(remedies, i);

			if (later == (strncmp(json_string_value(remedy), "Now:", 4) != 0))
				json_array_append(sorted, remedy);
		}
	json_decref(remedies);
	return sorted;
}

json_t *diagnose(const json_t *status)
{
	const json_t *host = json_object_get(status, "host"), *vms = json_object_get(status, "vms");
	struct findings findings = {
		.host = host,
		.symptoms = json_array(),
		.victims = json_array(),
		.neighbours = json_array(),
		.remedies = json_array(),
		.cpu = find_beyond(vms, host, &cpu_wait),
		.io = find_beyond(vms, host, &io_wait),
	};

	judge_host(&findings, host);
	judge_storage(&findings, vms);
	judge_waiting(&findings, &findings.cpu, &cpu_wait, "CPUs");
	judge_waiting(&findings, &findings.io, &io_wait, "disks");
	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		json_t *sentences = suffers(&findings, vm);

		judge_behaviour(&findings, vm);
		if (sentences)
			json_array_append_new(findings.victims, json_pack("{s:s, s:o}", "name",
									  text_of(vm, "name", "?"),
									  "sentences", sentences));
	}
	find_remedies(&findings, vms);
	find_neighbour(&findings, host, vms);
	return json_pack("{s:o, s:o, s:o, s:o}", "symptoms", findings.symptoms, "victims",
			 findings.victims, "neighbours", findings.neighbours, "remedies",
			 now_first(findings.remedies));
}

static void print_list(const char *heading, const json_t *sentences)
{
	if (!json_array_size(sentences))
		return;
	puts(heading);
	print_sentences(sentences, "  ");
}

static void print_findings(const json_t *findings)
{
	const json_t *symptoms = json_object_get(findings, "symptoms");
	const json_t *victims = json_object_get(findings, "victims");

	if (!json_array_size(symptoms) && !json_array_size(victims)) {
		printf("%sNothing is wrong%s: no VM lacks memory, and the host has what it is to have.\n",
		       colour(COLOUR_GOOD), colour_end());
		return;
	}
	print_list("Symptoms", symptoms);
	for (size_t i = 0; i < json_array_size(victims); i++) {
		const json_t *victim = json_array_get(victims, i);

		printf("Suffers: %s%s%s\n", colour(COLOUR_BAD), text_of(victim, "name", "?"),
		       colour_end());
		print_sentences(json_object_get(victim, "sentences"), "  ");
	}
	print_list("Noisy neighbour", json_object_get(findings, "neighbours"));
	print_list("What helps", json_object_get(findings, "remedies"));
}

int ctl_diagnose(int argc, char **argv)
{
	struct ctl_common common;
	json_t *status, *findings;
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
	if (!common.json)
		make_printable(status);
	findings = diagnose(status);
	if (common.json)
		code = print_json(findings);
	else
		print_findings(findings);
	json_decref(findings);
	json_decref(status);
	return code;
}
