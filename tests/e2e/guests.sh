# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with check and the tests
# The guests all end-to-end tests share, and how tests talk to them. Sourced by check. No call
# blocks for ever: a test that stops a guest must not stop the suite.
#
#   vm-a, vm-b   with our module, on kernels 6.1 and 6.12
#   vm-stock     with the kernel's own virtio_balloon
#   vm-bare      a balloon device, but no driver for it
#   vm-nodev     no balloon device
#   vm-mute      a balloon device, but it never boots and so never reports

guest_mib=256
guest_kib=$((guest_mib * 1024))

balloon_guests=(vm-a vm-b vm-stock) # those a target makes a difference to
short_budget_mib=$((6 * guest_mib - 192)) # three of them can give: 64 MiB each, on average

# Nor does it look for an agent to authorize it on the bus that is our daemon's.
virsh()
{
	env -u DBUS_SYSTEM_BUS_ADDRESS -u DBUS_SESSION_BUS_ADDRESS \
		timeout "${virsh_timeout_s:-60}" virsh "$@" </dev/null
}

# create_guest NAME KERNEL MODULE [ARGUMENT of guest-domain...]
create_guest()
{
	local name=$1 series=$2 driver=$3 boot=()
	shift 3
	if [ "$series" != none ]; then
		boot=(--kernel "$build/kernels/$series/vmlinuz" --initrd "$out/image-$series"
			--cmdline "agent.module=$driver")
	fi
	"$top/scripts/guest-domain" --name "$name" --max "$guest_mib" "${boot[@]}" \
		--console "$out/$name.console" --port "unix:$sockets/$name.port" \
		--stats-period 1 --accel "$accel" "$@" >"$out/$name.xml"
	virsh -q create "$out/$name.xml" >/dev/null
}

create_all_guests()
{
	local name
	create_guest vm-a 6.1 "$module"
	create_guest vm-b 6.12 "$module"
	create_guest vm-stock 6.1 virtio_balloon
	create_guest vm-bare 6.1 none
	create_guest vm-nodev 6.1 none --balloon none
	create_guest vm-mute none none
	for name in vm-a vm-b vm-stock vm-bare vm-nodev; do
		wait_booted "$name"
	done
}

wait_booted()
{
	local end=$((SECONDS + 120))
	until guest_request "$1" ping >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || die "guest $1 does not come up; see $out/$1.console"
	done
}

# guest_request NAME VERB [ARGUMENT...]: print what an agent answers; 1 when it says no, or
# nothing in time. Newlines in the answer are real ones again.
guest_request()
(
	trap "" PIPE # QEMU may hang up while we write
	set +e
	local name=$1 number=$RANDOM reply='' status=1
	shift
	coproc AGENT { exec socat - "UNIX-CONNECT:$sockets/$name.port" 2>/dev/null; }
	local pid=$AGENT_PID from=${AGENT[0]} to=${AGENT[1]}
	printf "%d %s\n" "$number" "$*" >&"$to"
	while read -r -t "${request_timeout_s:-5}" -u "$from" reply 2>/dev/null; do
		reply=${reply%$'\r'}
		case $reply in
		"$number ok"*)
			printf '%b\n' "${reply#"$number ok"}" | sed '1s/^ //'
			status=0
			break
			;;
		"$number err"*)
			printf '%s: %s\n' "$name" "$reply" >&2
			break
			;;
		esac
	done
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	exit "$status"
)

guest_meminfo_kib() { guest_request "$1" read /proc/meminfo | awk -v f="$2:" '$1 == f { print $2 }'; }

# A field of libvirt's statistics of one domain, e.g. balloon.current; nothing when absent.
domstat()
{
	virsh -q domstats --nowait --balloon "$1" | sed -n "s/^ *$2=//p"
}

actual_kib() { domstat "$1" balloon.current; }

actual_at_most() { at_most "$(actual_kib "$1")" "$2"; }
actual_at_least() { at_least "$(actual_kib "$1")" "$2"; }

total_actual_kib()
{
	local name sum=0
	for name in "$@"; do
		sum=$((sum + $(actual_kib "$name")))
	done
	printf '%s\n' "$sum"
}

total_actual_at_most()
{
	local limit=$1
	shift
	at_most "$(total_actual_kib "$@")" "$limit"
}

# others_squeezed NAME: of those who can give, this one apart, somebody has given a good part of what is
# short. Who gives is the policy's affair.
others_squeezed()
{
	local name names=()
	for name in "${balloon_guests[@]}"; do
		[ "$name" = "$1" ] || names+=("$name")
	done
	total_actual_at_most $((${#names[@]} * guest_kib - 64 * 1024)) "${names[@]}"
}

# Before a test: all balloons empty, all guests running, no settings of an earlier test's.
reset_guests()
{
	local name
	guest_request vm-b hog-free big >/dev/null 2>&1 || true
	for name in "${balloon_guests[@]}"; do
		case $(virsh -q domstate "$name") in
		paused) virsh -q resume "$name" >/dev/null ;;
		esac
		virsh -q setmem "$name" "$guest_kib" --live
		virsh -q dommemstat "$name" --period 1 --live
		virsh -q metadata "$name" urn:aerostat:libvirt:1 --remove --live >/dev/null 2>&1 || true
	done
	for name in "${balloon_guests[@]}"; do
		eventually "$name has all its memory before the test" \
			actual_at_least "$name" "$guest_kib"
		eventually "$name reports before the test" reports "$name"
	done
}

# The guest has reported within the last seconds, by the host's clock.
reports()
{
	local last
	last=$(domstat "$1" balloon.last-update)
	at_least "${last:-0}" $(($(date +%s) - 5))
}

# What the guests' kernels should not have said; 1 when there is nothing.
console_alarms()
{
	grep -aEH 'WARNING:|BUG:|Oops|Call Trace|Kernel panic|page allocation failure|Out of memory' \
		"$out"/*.console
}
