# shellcheck shell=bash disable=SC2154 # see check
# What the operator says is honoured: configuration, its reload, classes, metadata.

test_bad_configuration_is_refused()
{
	local status=0
	configure <<-CONF
		[host]
		budget = plenty
	CONF
	timeout 20 "$aerostatd" --config "$test_dir/aerostatd.conf" >"$test_dir/bad.log" 2>&1 ||
		status=$?
	expect "it does not start" [ "$status" -ne 0 ]
	expect_not "it is refused, not killed" [ "$status" -ge 124 ]
	expect "file, line and key are named: $(cat "$test_dir/bad.log")" \
		grep -qE 'aerostatd\.conf:[0-9]+: host\.budget' "$test_dir/bad.log"
	status=0
	"$aerostatd" --config "$test_dir/aerostatd.conf" --check-config >"$test_dir/check.log" 2>&1 ||
		status=$?
	expect "--check-config says so too" [ "$status" -ne 0 ]
	expect "with the line" grep -qE 'aerostatd\.conf:[0-9]+: host\.budget' "$test_dir/check.log"
}

test_missing_configuration_is_refused()
{
	local status=0
	timeout 20 "$aerostatd" --config "$test_dir/none.conf" >"$test_dir/none.log" 2>&1 || status=$?
	expect "it does not start" [ "$status" -ne 0 ]
	expect "the file is named" grep -q none.conf "$test_dir/none.log"
}

test_reload_applies_a_good_file()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	kill -HUP "$daemon_pid"
	eventually "the new limit is reached" actual_at_most vm-a $((192 * 1024))
	stop_daemon
}

# As the unit does it.
order_reload()
{
	busctl --system call org.aerostat1 /org/aerostat1 org.aerostat1.Manager Reload \
		>"$test_dir/reload.txt" 2>&1
}

test_reload_of_a_bad_file_keeps_the_old()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	configure <<-CONF
		[vm]
		limit = 224M
		[policy]
		staleness = 1s
	CONF
	expect_not "reading it fails" order_reload
	expect "and whoever asked hears why" grep -q 'policy.staleness' "$test_dir/reload.txt"
	eventually "the mistake is logged with its line" \
		log_has 'aerostatd\.conf:[0-9]+: policy\.staleness'
	ticks_pass 4
	expect "the daemon goes on" daemon_answers
	expect "with the old limit" actual_at_most vm-a $((192 * 1024))
	stop_daemon
}

test_class_applies_by_name()
{
	configure <<-CONF
		[class small]
		match = *-a
		limit = 160M
	CONF
	start_daemon
	eventually "the class's limit is reached" actual_at_most vm-a $((160 * 1024))
	expect "another VM is none of the class" actual_at_least vm-b "$guest_kib"
	stop_daemon
}

set_tune()
{
	virsh -q metadata "$1" urn:aerostat:libvirt:1 --live --key aerostat --set "<tune $2/>" >/dev/null
}

test_metadata_is_honoured_while_running()
{
	configure <<-CONF
		[class small]
		limit = 160M
	CONF
	start_daemon
	eventually "the VM is known" vm_known vm-a
	set_tune vm-a "limit='200M'"
	eventually "a limit in the metadata is reached" actual_at_most vm-a $((200 * 1024))
	set_tune vm-a "class='small'"
	eventually "a class named there is" actual_at_most vm-a $((160 * 1024))
	set_tune vm-a "reservation='100%'"
	eventually "a reservation there is" actual_at_least vm-a "$guest_kib"
	stop_daemon
}

test_bad_metadata_is_said_and_ignored()
{
	configure </dev/null
	start_daemon
	set_tune vm-a "limit='200M'"
	eventually "a good limit is reached" actual_at_most vm-a $((200 * 1024))
	set_tune vm-a "limit='much'"
	eventually "the bad one is logged with VM and attribute" log_has 'vm-a.*limit'
	ticks_pass 4
	expect "the good one stays" actual_at_most vm-a $((200 * 1024))
	stop_daemon
}

# What a full reservation promises is kept while others are squeezed.
test_reservation_holds()
{
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
		[class kept]
		match = vm-a
		reservation = 100%
	CONF
	start_daemon
	eventually "others are squeezed" others_squeezed vm-a
	ticks_pass 4
	expect "the reserved one is untouched" actual_at_least vm-a "$guest_kib"
	stop_daemon
}
