# shellcheck shell=bash disable=SC2154 # see check
# diagnose on a host that is really short: a guest that swaps, and what is said of it, of who keeps
# what it lacks, and of what helps.

# A guest of its own, which goes over more memory than it can have, again and again, and swaps.
create_pressed_guest()
{
	trap 'virsh -q destroy vm-pressed >/dev/null 2>&1 || true; rm -f "$test_dir/swap"; end_test' EXIT
	truncate -s 512M "$test_dir/swap"
	mkswap -q "$test_dir/swap" >/dev/null
	"$top/scripts/guest-domain" --name vm-pressed --max "$guest_mib" --accel "$accel" \
		--kernel "$build/kernels/6.1/vmlinuz" --initrd "$out/image-6.1" \
		--cmdline "agent.module=$module agent.swap=vda agent.load=job,count=1000,sweeps=1000000,start_mib=8,to_mib=232,after_s=5,name=pressed" \
		--console "$test_dir/vm-pressed.console" --port "$test_dir/vm-pressed.load" \
		--swap "$test_dir/swap" --stats-period 1 >"$test_dir/vm-pressed.xml"
	virsh -q create "$test_dir/vm-pressed.xml" >/dev/null
}

diagnoses() { "$aerostatctl" diagnose --json 2>/dev/null | jq -e "$@" >/dev/null; }

# what LIST PATTERN: a sentence of the diagnosis in test_dir matches.
what()
{
	jq -e --arg pattern "$2" "$1 | select(test(\$pattern))" "$test_dir/diagnose.json" >/dev/null ||
		fail "no '$2' in $1 of: $(cat "$test_dir/diagnose.json")"
}

# Short, because somebody has ordered that vm-a keeps all it has, whatever it uses.
test_diagnose_names_who_suffers_and_why()
{
	local pressed='.victims[] | select(.name == "vm-pressed") | .sentences[]'
	create_pressed_guest
	# Each step has a deadline of its own: a slow machine takes minutes for all of them.
	eventually "its guest works" grep -q "^load pressed" "$test_dir/vm-pressed.load"
	configure <<-CONF
		[host]
		budget = $((4 * guest_mib + 96 + 96 + 176))M
		[class kept]
		match = vm-a
		mode = observe
	CONF
	start_daemon
	eventually "it swaps" grep -q "swap_out_kib=[1-9]" "$test_dir/vm-pressed.load"
	eventually "its guest lacks memory, and has not all of it" diagnoses "
		[ $pressed | select(test(\"^Its guest lacks memory\")) ] != [] and
		[ $pressed | select(test(\"^It needs\")) ] != [] and .neighbours != []"
	"$aerostatctl" diagnose --json >"$test_dir/diagnose.json"
	what "$pressed" '^Its guest lacks memory: it swaps in .*[KM]iB a second and takes .* usable of'
	what "$pressed" '^It needs [1-4][0-9][0-9] MiB and has [12][0-9][0-9] MiB \('
	what '.neighbours[]' '^vm-a holds [12][0-9][0-9] MiB more than its part \(mode-observe; .*\)\.$'
	what '.remedies[]' '^Now: aerostatctl boost vm-pressed 256M --for 1h$'
	what '.remedies[]' '^Now: aerostatctl set vm-a mode=auto \(it is observe\)$'
	"$aerostatctl" diagnose >"$test_dir/diagnose.txt"
	expect "in words" grep -q '^Suffers: vm-pressed$' "$test_dir/diagnose.txt"

	# What it says helps, as it says it.
	"$aerostatctl" set vm-a mode=auto
	"$aerostatctl" boost vm-pressed 256M --for 1h
	eventually "the victim gets what it lacks" actual_at_least vm-pressed "$guest_kib"
	eventually "from its neighbour" actual_at_most vm-a $((guest_kib - 32 * 1024))
	eventually "and nobody is blamed any more" diagnoses '.neighbours == []'
	stop_daemon
}
