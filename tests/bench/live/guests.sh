# shellcheck shell=bash disable=SC2154 # top, build, out, series, ...: set by run
# The benchmark's guests: their work, starting and ending them, what they report. Sourced by run.
#
# Each does a job (tests/guest/README.md): cycles that are due at set times, peaks of the three one
# after the other. In a cycle it reads files through the page cache, grows to its peak at a given
# pace, goes over all its memory several times, and gives it back. All have a disk to swap to. With
# their kernels and file caches they use 1.0 GiB at rest and 1.4 GiB with one at its peak, and
# have had 2.4 GiB in use when each has been there once.

guests=(live-web live-db live-batch)

declare -A jobs=(
	[live-web]="start_mib=96,cache_mib=384,to_mib=320,after_s=5"
	[live-db]="start_mib=128,cache_mib=128,to_mib=512,after_s=30"
	[live-batch]="start_mib=64,cache_mib=128,to_mib=448,after_s=55"
)
job_common="job,cache_disk=vdb,count=2,every_s=75,rate_mib_s=24,sweeps=4"
# shellcheck disable=SC2034 # read by run's other parts
cycles=2 # as `count` above

guest_swap_mib=1024
files_mib=384 # the largest cache_mib

declare -A pids=() # of the QEMUs that run

# What of guest-domain's options makes a mode.
mode_options()
{
	case $1 in
	static) echo --max "$max_mib" --balloon none ;;
	split) echo --max $((budget_mib / ${#guests[@]})) --balloon none ;;
	reporting | daemon+reporting) echo --max "$max_mib" --free-page-reporting ;;
	daemon) echo --max "$max_mib" ;;
	esac
}

# What the guests read: not zeros, which a host may drop instead of swapping them.
make_files()
{
	head -c "${files_mib}M" /dev/urandom >"$out/files"
}

# A new swap area, of which nothing is on the disk yet.
make_guest_swap()
{
	rm -f "$1"
	truncate -s "${guest_swap_mib}M" "$1"
	mkswap -q "$1" >/dev/null
}

create_guests()
{
	local name options
	read -ra options < <(mode_options "$1")
	for name in "${guests[@]}"; do
		make_guest_swap "$out/$name.swap"
		"$top/scripts/guest-domain" --name "$name" "${options[@]}" \
			--kernel "$build/kernels/$series/vmlinuz" --initrd "$out/image.cpio.gz" \
			--cmdline "agent.module=aerostat agent.swap=vda agent.load=$job_common,${jobs[$name]},name=$name" \
			--console "$run_dir/$name.console" --port "$run_dir/$name.load" \
			--swap "$out/$name.swap" --files "$out/files" \
			--stats-period 1 --accel "$accel" >"$run_dir/$name.xml"
		virsh -q create --paused "$run_dir/$name.xml" >/dev/null ||
			die "libvirt cannot start $name"
		pids[$name]=$(cat "$out/libvirt/run/libvirt/qemu/$name.pid" \
			"$out/libvirt/run/libvirt/qemu/run/$name.pid" 2>/dev/null) ||
			[ -n "${pids[$name]}" ]
		budget_put "${pids[$name]}"
	done
	for name in "${guests[@]}"; do
		virsh -q resume "$name" >/dev/null
	done
}

destroy_guests()
{
	local name
	for name in "${!pids[@]}"; do
		virsh -q destroy "$name" >/dev/null 2>&1 || true
		unset "pids[$name]"
		rm -f "$out/$name.swap"
	done
}

# The last whole report of a guest's job. The port writes CR LF, and a line may be under way.
last_report()
{
	tr -d '\r' <"$run_dir/$1.load" 2>/dev/null | grep "^load .*major_faults=[0-9]*$" | tail -n 1
}

# A field of a report on standard input.
report_field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

# All jobs have begun: their clocks run.
all_at_work()
{
	local name
	for name in "${guests[@]}"; do
		grep -qsa "^load .* phase=idle" "$run_dir/$name.load" || return 1
	done
}

all_done()
{
	local name
	for name in "${guests[@]}"; do
		grep -qsa "^load .* phase=done" "$run_dir/$name.load" || return 1
	done
}

console_alarms='WARNING:|BUG:|Oops|Call Trace|Kernel panic|page allocation failure|Out of memory'

# What should not have happened to a guest, in one line; nothing when all is well.
guest_trouble()
{
	local name=$1 said
	if said=$(grep -aoE "$console_alarms" "$run_dir/$name.console"); then
		echo "$name's kernel complained ($(head -n 1 <<<"$said")): see $run_dir/$name.console"
	elif said=$(grep -a "^agent cannot" "$run_dir/$name.load"); then
		echo "$name: ${said//$'\r'/}"
	elif grep -qsa "phase=cache-failed" "$run_dir/$name.load"; then
		echo "$name could not fill its page cache"
	elif [ -n "${pids[$name]:-}" ] && ! kill -0 "${pids[$name]}" 2>/dev/null; then
		echo "$name's QEMU has ended: see $run_dir/$name.console"
	fi
}
