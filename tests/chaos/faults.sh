# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with run
# What goes wrong. Each fault has up to two functions: fault_NAME begins it, mend_NAME ends it (none,
# when it is over by itself). `victim` is a guest drawn for it. promises.jq knows by name during which
# there may be no ticks, and which makes its victim hang.

fault_names=(stop-qemu stop-qemu kill-qemu restart-libvirtd stop-libvirtd kill-daemon unload-balloon
	unplug-balloon pause-guest bad-reload resize-guest corrupt-state)

# A VM that hangs, and one that does not any more.
fault_stop_qemu()
{
	hung_pid=$(qemu_pid "$victim")
	kill -STOP "$hung_pid"
}
mend_stop_qemu()
{
	kill -CONT "$hung_pid"
	hung_pid=''
}

fault_kill_qemu() { kill -KILL "$(qemu_pid "$victim")"; }
mend_kill_qemu() { recreate "$victim"; }

fault_restart_libvirtd() { libvirt_down; }
mend_restart_libvirtd() { libvirt_up; }

fault_stop_libvirtd()
{
	libvirtd_pid=$(cat "$out/libvirt/libvirtd.pid")
	kill -STOP "$libvirtd_pid"
}
mend_stop_libvirtd() { kill -CONT "$libvirtd_pid"; }

fault_kill_daemon() { stop_daemon KILL; }
mend_kill_daemon() { launch; }

# The driver goes and the device stays: a guest that follows no more. It may be back by itself when
# the guest has no module to take out.
fault_unload_balloon() { guest_request "$victim" rmmod "$module" >/dev/null 2>&1 || true; }
mend_unload_balloon() { guest_request "$victim" insmod "$module" >/dev/null 2>&1 || true; }

# The device itself goes; only a new guest has one again.
fault_unplug_balloon()
{
	virsh -q qemu-monitor-command "$victim" \
		'{"execute":"device_del","arguments":{"id":"balloon0"}}' >/dev/null 2>&1 || true
}
mend_unplug_balloon()
{
	virsh -q destroy "$victim" >/dev/null 2>&1 || true
	recreate "$victim"
}

fault_pause_guest() { virsh -q suspend "$victim" >/dev/null; }
mend_pause_guest() { virsh -q resume "$victim" >/dev/null; }

fault_bad_reload()
{
	printf '[host]\nreserve = plenty\n' >>"$test_dir/aerostatd.conf"
	kill -HUP "$daemon_pid"
}
mend_bad_reload()
{
	write_configuration
	kill -HUP "$daemon_pid"
}

# Somebody else's hand.
fault_resize_guest() { virsh -q setmem "$victim" "$((limit_mib - 16))M" --live; }

# Bytes in the middle of whatever it keeps on disk, while it is down.
fault_corrupt_state()
{
	local file
	stop_daemon KILL
	for file in "$test_dir"/state/*; do
		[ -f "$file" ] || continue
		printf 'chaos' | dd of="$file" bs=1 seek=40 conv=notrunc status=none
	done
}
mend_corrupt_state() { launch; }
