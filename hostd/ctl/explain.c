// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl explain VM: why it has the memory it has, in sentences. First what was measured, then
 * what follows from that step by step (need, entitlement, host), then the decision and the rule
 * behind it, and last what would change it. A sentence of which a number is not known is left out.
 */
#include "ctl/explain.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/columns.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/sentences.h"
#include "policy/reason.h"

/* What a reason does not say itself: the rule it comes from, and what would change it. */
static const struct {
	const char *rule;
	const char *change;
} lessons[REASON_COUNT_] = {
	[REASON_NONE] = { "It is judged in the next round.", "Time." },
	[REASON_RELIEF] = { "Need is served at once, in one step up to the entitlement.",
			    "When it uses less, and somebody else waits, it gives back." },
	[REASON_RELIEF_PARTIAL] = { "Need is served at once, as far as memory is free; the rest is "
				    "being taken from others.",
				    "A higher reservation or more shares serve it earlier; more float "
				    "([host] float) keeps more free." },
	[REASON_GROW] = { "What nobody needs is given back, up to the entitlement.",
			  "Somebody in need would come first." },
	[REASON_RECLAIM] = { "Somebody waits for memory, or the float is to be filled, and this VM "
			     "holds more beyond its entitlement than others.",
			     "A higher reservation, more shares or more use of its own raise its "
			     "entitlement." },
	[REASON_RECLAIM_NEED] = { "There is not enough for what all VMs need; by its shares this much "
				  "is its part. What is above goes slowly, or in steps while the host "
				  "is hard.",
				  "More shares or a higher reservation; fewer VMs on this host." },
	[REASON_RECLAIM_LOW] = { "The host is low: everything above entitlements is taken at once, to "
				 "keep it from swapping.",
				 "Fewer VMs on this host, or less memory used by its own programs." },
	[REASON_RECLAIM_PROBE] = { "Proactive mode takes a little as long as the guest neither swaps "
				   "in nor takes many major faults.",
				   "Pressure in the guest; [policy] proactive = no." },
	[REASON_RECLAIM_CUT] = { "Its entitlement rose before what was asked for had been taken.",
				 "Less use, or somebody else's need." },
	[REASON_BELOW_RESERVATION] = { "Reservations come before everything else.",
				       "A lower reservation." },
	[REASON_ABOVE_LIMIT] = { "No VM stays above its limit.", "A higher limit." },
	[REASON_STUCK] = { "Its balloon moved slower than [policy] stuck_rate. Its target is where it "
			   "is, and what it holds too much is charged to its own entitlement.",
			   "It is asked again when the back-off is over; look for the reason in the "
			   "guest: no driver, or its own floor." },
	[REASON_STEADY] = { "It has what it is entitled to.",
			    "Its use, its settings, or the others' needs." },
	[REASON_SPARE] = { "It holds more than its entitlement, but either nobody waits for memory and "
			   "the float is full, or what is wanted comes from those that hold more too "
			   "much.",
			   "More need of others than those can serve." },
	[REASON_DEAD_BAND] = { "It is so near its entitlement that a move is not worth the "
			       "disturbance.",
			       "A larger difference; [policy] dead_band." },
	[REASON_TURN_HOLD] = { "After a move one way there is none the other way for a while, which "
			       "keeps it from flapping; need does not wait.",
			       "Time, or need; [policy] turn_hold." },
	[REASON_NOTHING_FREE] = { "It is entitled to more, but only what is free already is given.",
				  "Others give up memory, which takes seconds; if not, see who is "
				  "stuck, off or above its part." },
	[REASON_GROWTH_BLOCKED] = { "While the host is hard or low only need is served.",
				    "More memory available on the host." },
	[REASON_MODE_OFF] = { "Its mode is off; what it has counts as used.", "mode = auto." },
	[REASON_MODE_OBSERVE] = { "Its mode is observe: this is what would have been done.",
				  "mode = auto." },
	[REASON_HUNG] = { "Its QEMU process does not answer libvirt, so nothing can be asked of it; what "
			  "it has counts as used.",
			  "Its answer, which is looked for in every interval; see what holds it: "
			  "stopped, waiting for storage." },
	[REASON_REFUSED] = { "libvirt did not set the last target, so it is not asked again with each "
			     "tick; the daemon's log says what it said.",
			     "The end of another job at the domain, or the right for the daemon's user "
			     "to manage it; it is tried again at least every five minutes." },
	[REASON_NO_BALLOON] = { "Without a balloon device, or with pinned memory, nothing can be "
				"moved; what it has counts as used, unless all of it is in huge "
				"pages, which the host had set aside before.",
				"A <memballoon> in its definition; no assigned devices." },
	[REASON_PAUSED] = { "A guest that does not run cannot move its balloon.", "Resuming it." },
	[REASON_MIGRATING] = { "Memory that is moved twice is copied twice.",
			       "The end of the migration or the save." },
	[REASON_BOOTING] = { "While it boots, its use is not what it will be: nothing is taken.",
			     "Time; [policy] boot_grace." },
	[REASON_NO_STATS] = { "Of what a guest needs that never reported, nothing is assumed.",
			      "A balloon driver in the guest; a statistics period that is not 0." },
	[REASON_STALE_STATS] = { "Old numbers say nothing about now: nothing is taken.",
				 "New statistics; [policy] stale." },
	[REASON_FOREIGN] = { "Somebody else set its memory, and will have had a reason; or its guest "
			     "let go of its balloon. Nothing is taken, and one that was made larger "
			     "still gets what it needs.",
			     "Time without another such change; [policy] foreign_hold." },
	[REASON_NO_EFFECT] = { "Its balloon grew, but its resident memory on the host did not shrink: "
			       "assigned devices or locks hold it.",
			       "Removing them; or mode = off, which ends this notice." },
	[REASON_HOST_UNKNOWN] = { "Without knowing what the host has available nothing is moved.",
				  "A readable /proc/meminfo, or [host] budget." },
};

static const char help[] =
	"usage: aerostatctl explain [OPTION]... VM...\n"
	"Explain why a VM has the memory it has: what was measured, which rule applied, and what\n"
	"would change it. VM: a name, a UUID, or a pattern such as 'web*'.\n"
	"\n" CTL_HELP_COMMON;

static void say_measured(json_t *sentences, const json_t *vm)
{
	say(sentences, "It has %s of at most %s%s%s.", SIZE(vm, "actual_kib"), SIZE(vm, "max_kib"),
	    known(vm, "rss_kib") ? ", resident on the host: " : "",
	    known(vm, "rss_kib") ? SIZE(vm, "rss_kib") : "");
	if (!known(vm, "use_kib"))
		return;
	say(sentences,
	    "Measured %" JSON_INTEGER_FORMAT " s ago, when it had %s: it used %s of that.",
	    number(vm, "stats_age_ms") / 1000, SIZE(vm, "need_size_kib"), SIZE(vm, "use_kib"));
	if (known(vm, "swap_in_kib_s") && known(vm, "major_faults_s"))
		say(sentences,
		    "It swapped in %s and took %" JSON_INTEGER_FORMAT " major faults a second%s.",
		    SIZE(vm, "swap_in_kib_s"), number(vm, "major_faults_s"),
		    json_is_true(json_object_get(vm, "pressed"))
			    ? ", with little usable memory: it lacks more than it says"
			    : "");
}

static void say_need(json_t *sentences, const json_t *vm)
{
	if (!known(vm, "demand_kib"))
		return;
	say(sentences,
	    "So its demand is %s: %s used, %s as a buffer, %s that past pressure has earned; it rises "
	    "at once and falls slowly.",
	    SIZE(vm, "demand_kib"), SIZE(vm, "use_kib"), SIZE(vm, "buffer_kib"),
	    SIZE(vm, "earned_kib"));
	if (known(vm, "usual_kib"))
		say(sentences, "95 %% of the time it needs no more than %s.",
		    SIZE(vm, "usual_kib"));
}

static void say_entitled(json_t *sentences, const json_t *vm, const json_t *host)
{
	if (!known(vm, "entitlement_kib"))
		return;
	say(sentences,
	    "It is entitled to %s now: by %" JSON_INTEGER_FORMAT
	    " shares of its maximum, not below its reservation of %s, not above its limit of %s.",
	    SIZE(vm, "entitlement_kib"), number(vm, "shares"), SIZE(vm, "reservation_kib"),
	    SIZE(vm, "limit_kib"));
	if (known(host, "limits_kib") && known(host, "capacity_kib") &&
	    number(host, "limits_kib") > number(host, "capacity_kib"))
		say(sentences,
		    "All VMs together may have %s and could want %s, so each is entitled to at most what "
		    "it usually needs and %" JSON_INTEGER_FORMAT
		    " %% of its maximum, and idle memory is taxed at %" JSON_INTEGER_FORMAT " %%.",
		    SIZE(host, "capacity_kib"), SIZE(host, "limits_kib"),
		    number(host, "headroom_permille") / 10, number(host, "idle_tax_permille") / 10);
}

/* Promises that cannot all be kept. */
static void say_reserved(json_t *sentences, const json_t *host)
{
	if (!known(host, "reservations_kib") || !known(host, "capacity_kib") ||
	    number(host, "reservations_kib") <= number(host, "capacity_kib"))
		return;
	say(sentences,
	    "Reservations, and VMs that cannot be moved, come to %s, more than all VMs may have: nobody "
	    "is entitled to more than its reservation, nothing below one is taken, and those below theirs "
	    "are raised to the same part of it as memory becomes free.",
	    SIZE(host, "reservations_kib"));
}

/* A share of time as percent; waiting threads add up. */
static void say_wait(json_t *sentences, const json_t *vm, const char *key, const char *what)
{
	if (number(vm, key) >= 10)
		say(sentences, "Its threads wait %" JSON_INTEGER_FORMAT " %% of the time %s.",
		    number(vm, key) / 10, what);
}

/* What its guest cannot know, where it amounts to something. */
static void say_harm(json_t *sentences, const json_t *vm)
{
	say_wait(sentences, vm, "cpu_wait_permille", "for a CPU of the host");
	say_wait(sentences, vm, "swap_wait_permille", "for memory that the host has swapped out");
	say_wait(sentences, vm, "thrash_wait_permille",
		 "for memory that the host had taken a moment before");
	if (number(vm, "host_swap_kib"))
		say(sentences, "The host has %s of it in its swap.", SIZE(vm, "host_swap_kib"));
	if (json_is_true(json_object_get(vm, "harmed")))
		say(sentences,
		    "That is harm by the host's own shortage: while the host has little to spare it "
		    "counts as hard, and takes faster.");
}

static void say_host(json_t *sentences, const json_t *host)
{
	if (!known(host, "charged_kib"))
		return;
	say(sentences, "The host is %s: VMs hold %s, %s is free for them, those in need lack %s.",
	    text_of(host, "state", "unknown"), SIZE(host, "charged_kib"), SIZE(host, "free_kib"),
	    SIZE(host, "shortage_kib"));
	if (known(host, "margin_kib"))
		say(sentences,
		    "If they touched all they hold, %s would stay available on the host; %s is to.",
		    SIZE(host, "margin_kib"), SIZE(host, "reserve_kib"));
}

static enum reason reason_of(const json_t *vm)
{
	const char *name = text_of(vm, "reason", "none");

	for (int i = 0; i < REASON_COUNT_; i++)
		if (!strcmp(reason_to_string((enum reason)i), name))
			return (enum reason)i;
	return REASON_COUNT_; /* of a newer daemon */
}

/* Where a pause is why nothing is done, the mode is not. */
static void say_lesson(json_t *sentences, const json_t *vm, const json_t *host, enum reason reason)
{
	bool all = json_is_true(json_object_get(host, "paused"));
	bool itself = json_is_true(json_object_get(vm, "paused"));

	if (reason != REASON_MODE_OBSERVE || (!all && !itself)) {
		say(sentences, "Rule: %s", lessons[reason].rule);
		say(sentences, "What would change it: %s", lessons[reason].change);
		return;
	}
	say(sentences, "Rule: %s by order: this is what would have been done.",
	    all ? "All VMs are paused" : "It is paused");
	say(sentences, "What would change it: aerostatctl resume%s%s%s%s.", itself ? " " : "",
	    itself ? argument_of(vm) : "", all && itself ? ", and for all " : "",
	    all && itself ? "aerostatctl resume" : "");
}

static void say_decision(json_t *sentences, const json_t *vm, const json_t *host)
{
	enum reason reason = reason_of(vm);

	say(sentences, "Decision, for %" JSON_INTEGER_FORMAT " s: %s, at %s: %s.",
	    number(vm, "reason_age_ms") / 1000, text_of(vm, "reason", "none"),
	    SIZE(vm, "decided_kib"), sentence_of(vm, host));
	if (known(vm, "wait_ms"))
		say(sentences, "That ends in %" JSON_INTEGER_FORMAT " s.",
		    (number(vm, "wait_ms") + 999) / 1000);
	if (reason == REASON_COUNT_)
		return;
	if (known(vm, "boost_kib"))
		say(sentences,
		    "By order at least %s is reserved for it, for another %" JSON_INTEGER_FORMAT
		    " s.",
		    SIZE(vm, "boost_kib"), number(vm, "boost_left_ms") / 1000);
	say_lesson(sentences, vm, host, reason);
}

static json_t *explain(const json_t *vm, const json_t *host)
{
	json_t *sentences = json_array();

	say_measured(sentences, vm);
	say_need(sentences, vm);
	say_entitled(sentences, vm, host);
	say_reserved(sentences, host);
	say_host(sentences, host);
	say_harm(sentences, vm);
	say_decision(sentences, vm, host);
	return sentences;
}

/* Adds to each VM its "sentences". */
static void explain_all(json_t *status)
{
	const json_t *vms = json_object_get(status, "vms"), *host = json_object_get(status, "host");

	for (size_t i = 0; i < json_array_size(vms); i++) {
		json_t *vm = json_array_get(vms, i);

		json_object_set_new(vm, "sentences", explain(vm, host));
	}
}

static void print_all(const json_t *status)
{
	const json_t *vms = json_object_get(status, "vms");

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);

		printf("%s%s\n", i ? "\n" : "", text_of(vm, "name", "?"));
		print_sentences(json_object_get(vm, "sentences"), "  ");
	}
}

static int run(const struct client_options *options, bool as_json, char *const *patterns, size_t n)
{
	json_t *status;
	int code;

	code = client_status(options, &status);
	if (code != CTL_OK)
		return code;
	code = select_vms(status, patterns, n);
	if (code == CTL_OK) {
		if (!as_json)
			make_printable(status);
		explain_all(status);
		if (as_json)
			code = print_json(status);
		else
			print_all(status);
	}
	json_decref(status);
	return code;
}

int ctl_explain(int argc, char **argv)
{
	struct ctl_common common;
	int code;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	if (common.first == argc) {
		fprintf(stderr, "aerostatctl: explain: which VM? (see --help)\n");
		return CTL_USAGE;
	}
	return run(&common.client, common.json, argv + common.first, (size_t)(argc - common.first));
}
