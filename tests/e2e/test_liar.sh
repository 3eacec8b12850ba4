# shellcheck shell=bash disable=SC2154 # see check
# A tenant that lies about what it needs gets its part, not its neighbour's.

claims_nothing() { [ "$(domstat "$1" balloon.usable)" = 0 ]; }

demands_all() { at_least "$(vm_status "$1" demand_kib)" $((guest_kib * 3 / 4)); }

# In vm-stock, whose driver gives whatever it is asked for, the kernel tells that driver that nothing
# is available, whatever it has.
test_liar_gets_no_more_than_its_part()
{
	local together_kib=$((360 * 1024)) honest_kib=$((150 * 1024)) budget_kib
	guest_request vm-stock insmod fault symbol=si_mem_available caller=virtio_balloon retval=0 >/dev/null
	eventually "vm-stock says that it has nothing left" claims_nothing vm-stock
	guest_request vm-b hog big 60 >/dev/null
	request_timeout_s=60 guest_request vm-b hog-wait big
	budget_kib=$((4 * guest_kib + together_kib))
	configure <<-CONF
		[host]
		budget = ${budget_kib}K
		float = 0%
		[class other]
		match = vm-a vm-bare vm-nodev vm-mute
		mode = off
	CONF
	start_daemon
	eventually "the two together get down to what is left for them" \
		total_actual_at_most $((together_kib + 16 * 1024)) vm-stock vm-b
	eventually "what the liar claims is seen" demands_all vm-stock
	ticks_pass 10
	expect "the honest one has what it needs" actual_at_least vm-b "$honest_kib"
	expect "the liar has no more than the rest" \
		actual_at_most vm-stock $((together_kib - honest_kib + 16 * 1024))
	equal "what vm-b's hog lost" \
		"$(guest_request vm-b hog-check big | sed 's/.*bad_pages=\([0-9]*\).*/\1/')" 0
	guest_request vm-b hog-free big
	guest_request vm-stock rmmod fault >/dev/null
	stop_daemon
}
