# shellcheck shell=bash disable=SC2154 # see check
# Memory for a VM that is about to start: freed, held, and its own once it runs; or refused, and by
# whom.

# Just what all hold: there is room only when somebody makes it.
no_room()
{
	configure <<-CONF
		[host]
		budget = $((6 * guest_mib))M
		float = 0%
	CONF
}

reserve() { timeout 100 "$aerostatctl" reserve "$@" >"$test_dir/reserve.txt" 2>&1; }

all_guests=(vm-a vm-b vm-stock vm-bare vm-nodev vm-mute)

test_reserved_memory_is_freed_and_held()
{
	local room_kib=$((6 * guest_kib - 96 * 1024))
	no_room
	start_daemon
	eventually "the VMs are judged" vm_known vm-stock
	ticks_pass 2
	expect "room is made: $(cat "$test_dir/reserve.txt" 2>/dev/null)" \
		reserve 96M --timeout 50s
	expect "others have given it" total_actual_at_most "$room_kib" "${all_guests[@]}"
	ticks_pass 5
	expect "it is held" total_actual_at_most "$room_kib" "${all_guests[@]}"
	trap 'virsh -q destroy vm-extra >/dev/null 2>&1 || true; end_test' EXIT
	create_guest vm-extra none none
	eventually "it is the new VM's own" log_has 'vm-extra has started: the 98304 KiB'
	stop_daemon
}

# A start of another VM is none of its business.
test_reservation_for_one_vm()
{
	local status=0
	configure </dev/null
	start_daemon
	eventually "the VMs are judged" vm_known vm-stock
	ticks_pass 2
	reserve 32M --for vm-a || status=$?
	equal "exit status for one that runs" "$status" 1
	expect "it says so" grep -q 'vm-a runs already' "$test_dir/reserve.txt"
	expect "room is made" reserve 64M --for vm-extra --timeout 60s
	trap 'virsh -q destroy vm-extra >/dev/null 2>&1 || true; end_test
		create_guest vm-mute none none >/dev/null 2>&1 || true' EXIT
	virsh -q destroy vm-mute >/dev/null
	eventually "a VM is gone" log_has 'vm-mute: gone'
	create_guest vm-mute none none
	eventually "and is back" vm_known vm-mute
	ticks_pass 2
	expect_not "the memory is not its own" log_has 'has started: the 65536 KiB'
	guest_mib=64 create_guest vm-extra none none
	eventually "but the named one's" log_has 'vm-extra has started: the 65536 KiB'
	stop_daemon
}

test_reservation_is_let_go_in_time()
{
	no_room
	start_daemon
	eventually "the VMs are judged" vm_known vm-stock
	ticks_pass 2
	expect "room is made" reserve 32M --timeout 20s
	eventually "when no VM starts, it is let go" log_has 'no VM has started'
	eventually "and the VMs may have it again" capacity_is $((6 * guest_kib))
	stop_daemon
}

capacity_is() { [ "$(status_json | jq -r .host.capacity_kib)" = "$1" ]; }

test_impossible_reservation_says_who_refuses()
{
	local status=0
	no_room
	start_daemon
	eventually "the VMs are judged" vm_known vm-stock
	ticks_pass 2
	reserve 1400M --timeout 4s || status=$?
	equal "exit status" "$status" 1
	expect "it says who keeps what: $(cat "$test_dir/reserve.txt")" \
		grep -q 'vm-.* keeps .* above its reservation' "$test_dir/reserve.txt"
	status=0
	reserve 100000G || status=$?
	equal "exit status of nonsense" "$status" 1
	expect "it is refused at once" grep -q 'does not have so much' "$test_dir/reserve.txt"
	status=0
	reserve plenty || status=$?
	equal "exit status of a wrong size" "$status" 2
	stop_daemon
}

# install_hook DIR TIMEOUT: for the libvirtd of DIR, as shipped but for where things are in a test.
install_hook()
{
	local hook=$1/etc/libvirt/hooks/qemu
	mkdir -p "$(dirname "$hook")"
	cat >"$hook" <<-HOOK
		#!/bin/sh
		export DBUS_SYSTEM_BUS_ADDRESS='$DBUS_SYSTEM_BUS_ADDRESS'
		export AEROSTATCTL='$aerostatctl' AEROSTAT_TIMEOUT=$2 AEROSTAT_REQUIRED=yes
		exec '$top/hostd/data/libvirt-hook' "\$@"
	HOOK
	chmod +x "$hook"
}

test_hook_makes_room_for_a_start()
{
	[ "$(id -u)" -eq 0 ] || skip "another user's libvirtd has its hooks in a place of the system's"
	trap 'rm -f "$out/libvirt/etc/libvirt/hooks/qemu"; virsh -q destroy vm-extra >/dev/null 2>&1 || true
		end_test; libvirt_down; libvirt_up' EXIT
	install_hook "$out/libvirt" 40s
	libvirt_down
	libvirt_up
	no_room
	start_daemon
	eventually "the VMs are judged" vm_known vm-stock
	ticks_pass 2
	guest_mib=64 create_guest vm-extra none none
	expect "room was made before it started" log_has '65536 KiB are held free'
	eventually "and it is its own" log_has 'vm-extra has started: the 65536 KiB'
	virsh -q destroy vm-extra >/dev/null
	expect_not "a VM that there is no room for does not start" \
		eval 'guest_mib=1400 create_guest vm-extra none none'
	stop_daemon
}

# The first VM of a host: while its hook runs libvirt does not say who is there. On a libvirt of its
# own, as guests are running on the other.
# shellcheck disable=SC2034 # what is called from here uses its variables
test_hook_makes_room_for_the_first_vm()
{
	local LIBVIRT_DEFAULT_URI sockets began_s
	[ "$(id -u)" -eq 0 ] || skip "another user's libvirtd has its hooks in a place of the system's"
	trap '"$top/scripts/private-libvirt" stop "$test_dir/libvirt"; end_test' EXIT
	install_hook "$test_dir/libvirt" 20s
	LIBVIRT_DEFAULT_URI=$("$top/scripts/private-libvirt" start "$test_dir/libvirt" 9>&-)
	sockets=$(readlink -f "$test_dir/libvirt/run")
	configure </dev/null
	start_daemon
	eventually "the empty host is judged" capacity_known
	ticks_pass 2
	began_s=$SECONDS
	guest_mib=64 create_guest vm-first none none
	expect "it has not waited until the time was up" at_most $((SECONDS - began_s)) 15
	expect "room was made before it started" log_has '65536 KiB are held free for vm-first'
	eventually "and it is its own" log_has 'vm-first has started: the 65536 KiB'
	expect_not "libvirt was taken for silent while it started the VM" silent_before_the_start
	virsh -q destroy vm-first >/dev/null
	eventually "it is gone" log_has 'vm-first: gone'

	# Tenants may write metadata; what that says of the size is not what the VM takes.
	sed "s|<metadata></metadata>|$lying_metadata|" "$out/vm-first.xml" >"$test_dir/vm-first.xml"
	virsh -q create "$test_dir/vm-first.xml" >/dev/null
	expect "libvirt has kept the lie" eval 'virsh dumpxml vm-first | grep -q "^ *<memory .*>4<"'
	equal "reservations of its true size" "$(log_count '65536 KiB are held free for vm-first')" 2
	stop_daemon
}

# Afterwards it may be: on a busy host it holds on to a VM that has just started.
silent_before_the_start()
{
	sed '/vm-first has started/q' "$test_dir/aerostatd.log" | grep -q 'no statistics'
}

lying_metadata="<metadata><x:a xmlns:x='urn:x'><!--\n</metadata>\n  <memory unit='KiB'>4</memory>\n"
lying_metadata+="  <memoryBacking><hugepages/></memoryBacking>\n--></x:a></metadata>"

capacity_known() { [ "$(status_json | jq -r '.host.capacity_kib // empty')" ]; }
