# SPDX-License-Identifier: GPL-2.0
# What one look at the daemon's status shows to be broken, one text each, and what the next look has
# to know. Limits are the run's own numbers, not what the daemon says that they are.
#
# Input:  three texts (jq -s): the status then (null at first) and now, and the last look's output
# Arguments: reservation_kib, limit_kib, budget_kib, above_max_ms, still_max_ms, interval_ms; clock_ms:
#            when this look was; late_ms: by how much the machine was late in the last three
#            intervals; pid: the daemon's process; fault: the one going on, or ""; victim: whom it
#            strikes
# Output: {broken: [...], memo: {...}}

# The daemon says that it can see this guest and move it.
def steered:
	.mode == "auto" and (.reason | IN("none", "hung", "paused", "migrating", "no-balloon",
		"no-stats", "stale-stats", "booting", "foreign", "stuck", "no-effect") | not);

def of($vms; $uuid): first($vms[] | select(.uuid == $uuid)) // null;

# Of this guest's memory, what the daemon knew to be taken when it granted something between two
# looks: what it holds all along, and what it was promised by the end. The victim may be promised
# what it has grown to by another hand, and that may have come after the grant.
def promised($before):
	(.target_kib // .actual_kib) as $now |
	if .name == $victim then [$now, $before.target_kib // $before.actual_kib] | min
	else $now end;
def holds($before): [promised($before), ([.actual_kib, $before.actual_kib] | min)] | max;

# More than it had and was promised. To be left what it has not given up yet is no gift, nor what it
# took by itself, as the stock driver lets a guest that runs out.
def raised($before):
	(.target_kib // 0) > ([$before.target_kib // 0, $before.actual_kib, $reservation_kib] | max) and
	(.reason != "reclaim-cut" or .target_kib != .actual_kib);

# Only what is free may be granted: whatever else happened between two looks, nobody was promised
# more while what all hold, and held before, is above the budget. The victim may have grown by
# another hand, which the daemon leaves as it is.
def granted_too_much($last; $now):
	[$now[] | select(of($last; .uuid) and .actual_kib and of($last; .uuid).actual_kib)] as $both |
	([$both[] | holds(of($last; .uuid))] | add // 0) as $held |
	if $held > $budget_kib + 4 * ($both | length) then
		$both[] | select(.name != $victim and raised(of($last; .uuid))) |
		"\(.name): promised \(.target_kib) KiB while all hold \($held) of \($budget_kib) KiB"
	else empty end;

def out_of_bounds:
	.[] | select(.mode == "auto") |
	(select(.target_kib and .target_kib < $reservation_kib) |
		"\(.name): asked for \(.target_kib) KiB, below its reservation"),
	(select(.actual_kib and .actual_kib < $reservation_kib) |
		"\(.name): holds \(.actual_kib) KiB, less than its reservation"),
	(select(.target_kib and .target_kib > $limit_kib) |
		"\(.name): asked for \(.target_kib) KiB, above its limit");

def hung_without_cause:
	.[] | select(.reason == "hung" and ($fault != "stop-qemu" or .name != $victim)) |
	"\(.name): said to hang, during '\($fault)'";

# Since when each guest that can be moved has been above its limit.
def above($memo): [.[] | select(steered and .actual_kib > $limit_kib) |
	{ (.uuid): ($memo.above[.uuid] // $clock_ms) }] | add // {};

# While libvirt or the daemon is away there are no ticks to be counted.
def may_rest: $fault | IN("restart-libvirtd", "stop-libvirtd", "kill-daemon", "corrupt-state");

(.[0].vms // []) as $last | .[1].host as $host | .[1].vms as $now | .[2].memo as $memo |
($now | above($memo)) as $above |
(if may_rest or $pid != $memo.pid or $host.ticks != $memo.ticks then $clock_ms
	else $memo.ticked_ms // $clock_ms end) as $ticked_ms |
($clock_ms - ($memo.clock_ms // $clock_ms)) as $gap_ms |
{
	broken: [
		($now | out_of_bounds),
		($now | hung_without_cause),
		(if $gap_ms <= 2000 then granted_too_much($last; $now) else empty end),
		($now[] | select($above[.uuid] and $clock_ms - $above[.uuid] > $above_max_ms) |
			"\(.name): holds \(.actual_kib) KiB, above its limit for \($clock_ms - $above[.uuid]) ms"),
		(select($host.available_kib and $host.available_kib < $host.reserve_kib) |
			"host: \($host.available_kib) KiB available, less than its reserve"),
		(select($host.late_ticks > ($memo.late_ticks // 0) and $late_ms < $interval_ms / 2) |
			"host: a tick was late"),
		(select($clock_ms - $ticked_ms > $still_max_ms + $gap_ms) | # seen only as often as looked
			"host: no tick for \($clock_ms - $ticked_ms) ms, during '\($fault)'")
	],
	memo: {
		clock_ms: $clock_ms, pid: $pid, ticks: $host.ticks, ticked_ms: $ticked_ms, above: $above,
		late_ticks: $host.late_ticks
	}
}
