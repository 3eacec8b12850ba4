# shellcheck shell=bash disable=SC2154 # see check
# Memory moves: targets are set, reached, and mean what they say in QEMU and in the guest.

# What leaves a VM is missing inside it, and what reaches another can be used there.
test_memory_moves_to_who_needs_it()
{
	local budget available_before available_after
	# The other four guests hold all of theirs: what a and b share is less than their sum.
	budget=$((6 * guest_kib - 128 * 1024))
	configure <<-CONF
		[host]
		budget = ${budget}K
		[class other]
		match = vm-stock vm-bare vm-nodev vm-mute
		mode = off
	CONF
	available_before=$(guest_meminfo_kib vm-a MemAvailable)
	start_daemon
	eventually "the VMs together get down to the budget" \
		total_actual_at_most $((2 * guest_kib - 128 * 1024)) vm-a vm-b

	guest_request vm-b hog big 140 >/dev/null
	request_timeout_s=60 guest_request vm-b hog-wait big
	eventually "the one in need gets more than its half" actual_at_least vm-b $((200 * 1024))
	eventually "the idle one makes room" actual_at_most vm-a $((184 * 1024))
	eventually "the budget holds" total_actual_at_most $((2 * guest_kib - 128 * 1024)) vm-a vm-b
	equal "what vm-b's hog lost" \
		"$(guest_request vm-b hog-check big | sed 's/.*bad_pages=\([0-9]*\).*/\1/')" 0

	available_after=$(guest_meminfo_kib vm-a MemAvailable)
	expect "the guest misses what was taken ($available_before, then $available_after KiB)" \
		at_most "$available_after" $((available_before - 50 * 1024))
	guest_request vm-b hog-free big
	stop_daemon
}

# Without a shortage nothing is taken, and what had been taken goes back.
test_memory_goes_back_without_a_shortage()
{
	virsh -q setmem vm-a $((160 * 1024)) --live
	eventually "vm-a is small" actual_at_most vm-a $((160 * 1024))
	configure <<-CONF
		[host]
		reserve = 1%
	CONF
	start_daemon
	eventually "vm-a gets everything back" actual_at_least vm-a "$guest_kib"
	expect "vm-b kept everything" actual_at_least vm-b "$guest_kib"
	stop_daemon
}

# Any driver of the device will do.
test_stock_driver_is_controlled()
{
	configure <<-CONF
		[class one]
		match = vm-stock
		limit = 192M
		[class other]
		match = vm-a vm-b vm-bare vm-nodev vm-mute
		mode = off
		[host]
		budget = 1g
	CONF
	start_daemon
	eventually "the limit of a VM with the stock driver is reached" \
		actual_at_most vm-stock $((192 * 1024))
	stop_daemon
}

test_dry_run_sets_nothing()
{
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
	CONF
	start_daemon --dry-run
	eventually "a decision is logged" log_has 'vm-a.*reclaim'
	ticks_pass 4
	expect "vm-a is untouched" actual_at_least vm-a "$guest_kib"
	expect "vm-b is untouched" actual_at_least vm-b "$guest_kib"
	stop_daemon
}

# One tick, then the end: for cron and for looking.
test_once_ends_by_itself()
{
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
	CONF
	timeout 60 "$aerostatd" --config "$test_dir/aerostatd.conf" --once --dry-run \
		>"$test_dir/once.log" 2>&1 || fail "--once failed: $(tail -n 3 "$test_dir/once.log")"
	expect "the tick's decisions are told" grep -q vm-a "$test_dir/once.log"
}
