# shellcheck shell=bash disable=SC2154 # out, guests, budget_mib, ...: set by run
# The host's budget, enforced: a memory cgroup that the QEMUs are put into, and swap for what does
# not fit. Sourced by run.
#
# QEMUs are put into the cgroup before their guests have run, so that all their memory counts. The
# limit is the guests' budget and what the QEMUs need for themselves. Both versions of cgroups are
# served. A cgroup's and a swap file's names are this tree's own, so that a later run finds what a
# killed one has left.

budget_group='' # the cgroup's directory, once there is one
swap_file_mib=2560

# Where memory cgroups can be made; 1 when there is no such place.
memory_cgroups()
{
	local root=/sys/fs/cgroup
	if grep -qsw memory "$root/cgroup.subtree_control"; then
		printf '%s\n' "$root"
	elif [ -e "$root/memory/memory.limit_in_bytes" ]; then
		printf '%s\n' "$root/memory"
	else
		return 1
	fi
}

group_path() { printf '%s/aerostat-bench-%s\n' "$(memory_cgroups)" "$(stat -c %i "$build")"; }

swap_free_mib() { awk '/^SwapFree:/ { print int($2 / 1024) }' /proc/meminfo; }

# There is swap for what the guests have above the budget, be it the host's own.
begin_swap()
{
	[ "$(swap_free_mib)" -lt "$swap_file_mib" ] || return 0
	say "a swap file of $swap_file_mib MiB is in use from now until the end"
	fallocate -l "${swap_file_mib}M" "$out/swap" && chmod 600 "$out/swap" &&
		mkswap -q "$out/swap" >/dev/null && swapon "$out/swap"
}

begin_group()
{
	local limit_bytes group
	limit_bytes=$(((budget_mib + ${#guests[@]} * counted_overhead_mib) * 1024 * 1024))
	group=$(group_path)
	mkdir -p "$group" || return 1
	budget_group=$group
	if [ -e "$group/memory.max" ]; then
		echo "$limit_bytes" >"$group/memory.max"
	else
		echo "$limit_bytes" >"$group/memory.limit_in_bytes"
	fi
}

# Why the budget cannot be enforced here; nothing when it can.
no_cgroup_because()
{
	if [ "$(id -u)" -ne 0 ]; then
		echo "that takes root"
	elif ! memory_cgroups >/dev/null; then
		echo "there is no memory controller"
	fi
}

# Settles budget_by: cgroup or split.
budget_begin()
{
	local why asked=$budget_by
	[ "$asked" != split ] || return 0
	why=$(no_cgroup_because)
	if [ -z "$why" ] && ! { begin_swap && begin_group; } 2>"$out/budget.log"; then
		why="it failed: $(tail -n 1 "$out/budget.log")"
		budget_end
	fi
	if [ -z "$why" ]; then
		budget_by=cgroup
		return 0
	fi
	[ "$asked" = auto ] || die "the budget cannot be enforced by a cgroup: $why"
	say "no cgroup enforces the budget ($why)"
	budget_by="split"
}

# budget_put PID: from now on its memory counts.
budget_put()
{
	[ -n "$budget_group" ] || return 0
	echo "$1" >"$budget_group/cgroup.procs" || die "process $1 cannot be put under the budget"
}

# Also ends what a killed run has left. To be called when its processes have ended.
budget_end()
{
	local group
	if memory_cgroups >/dev/null; then
		group=$(group_path)
		[ ! -d "$group" ] || rmdir "$group" || say "the cgroup $group cannot be removed"
	fi
	budget_group=''
	if grep -qsF "$out/swap " /proc/swaps; then
		swapoff "$out/swap" || say "the swap file $out/swap cannot be switched off"
	fi
	rm -f "$out/swap"
}
