# shellcheck shell=bash disable=SC2154 # top, build, out, series, module: set by scripts/demo
# The demo's guests: what they do, starting and ending them, what their loads report.
# Sourced by scripts/demo.

guests=(demo-web demo-db demo-batch)

# Where each balloon starts. Together less than the budget, so that the start is fair.
declare -A start_mib=([demo-web]=832 [demo-db]=320 [demo-batch]=512)

# What each does (tests/guest/README.md). demo-db waits long enough for the daemon to be there;
# were it slow to come, the growth would wait for it.
declare -A loads=(
	[demo-web]="idle,start_mib=64,cache_mib=600"
	[demo-db]="grow,start_mib=128,to_mib=576,after_s=45,rate_mib_s=12"
	[demo-batch]="burst,start_mib=64,to_mib=320,after_s=14,hold_s=10,rate_mib_s=40"
)

# Marks our domains, so that another one of the same name is never touched.
marker="<demo xmlns='urn:aerostat:demo:1' build='$build'/>"

is_ours()
{
	virsh -q metadata "$1" urn:aerostat:demo:1 2>/dev/null | grep -qF "build=\"$build\""
}

exists() { virsh -q domstate "$1" >/dev/null 2>&1; }

# Where libvirtd logs what a domain's QEMU says: of its own libvirtd this is not ours to leave.
libvirt_log() { printf '/var/log/libvirt/qemu/%s.log' "$1"; }

create_guests()
{
	local name
	for name in "${guests[@]}"; do
		if exists "$name"; then
			is_ours "$name" || die "a domain $name exists here that is not the demo's"
			say "ending the $name that an earlier demo left"
			virsh -q destroy "$name" >/dev/null
		fi
	done
	for name in "${guests[@]}"; do
		"$top/scripts/guest-domain" --name "$name" --max "$max_mib" \
			--start "${start_mib[$name]}" --metadata "$marker" \
			--kernel "$build/kernels/$series/vmlinuz" --initrd "$out/image.cpio.gz" \
			--cmdline "agent.module=$module agent.load=${loads[$name]},name=$name" \
			--console "$out/$name.console" --port "$out/$name.load" \
			--stats-period 1 --accel "$accel" >"$out/$name.xml"
		[ -e "$(libvirt_log "$name")" ] || touch "$out/$name.log-is-new"
		virsh -q create "$out/$name.xml" >/dev/null || die "libvirt cannot start $name"
	done
}

destroy_guests()
{
	local name
	for name in "${guests[@]}"; do
		if exists "$name" && is_ours "$name"; then
			virsh -q destroy "$name" >/dev/null
		fi
		if [ -e "$out/$name.log-is-new" ]; then
			[ -n "$owns_libvirt" ] || rm -f "$(libvirt_log "$name")"
			rm -f "$out/$name.log-is-new"
		fi
	done
}

# The last report of a guest's load: "load NAME t_ms=... phase=... ...". The port writes CR LF,
# and a line may still be under way.
last_report()
{
	tr -d '\r' <"$out/$1.load" 2>/dev/null | grep '^load .*bad_pages=[0-9]' | tail -n 1
}

# A field of a report on standard input.
report_field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

load_phase() { last_report "$1" | report_field phase; }

balloon_at_start()
{
	local actual_kib=${now[$1.actual]:-0}
	[ "$actual_kib" -le $(((start_mib[$1] + 8) * 1024)) ] && [ "$actual_kib" -gt 0 ]
}

# At its start size, statistics there, and its load once at rest: on a slow machine the first
# growth may have begun while others still boot.
settled()
{
	[ -n "${now[$1.usable]:-}" ] && balloon_at_start "$1" || return 1
	grep -qa "^load .* phase=idle" "$out/$1.load" 2>/dev/null
}

unsettled_guests()
{
	local name
	for name in "${guests[@]}"; do
		settled "$name" || printf '%s ' "$name"
	done
}

guests_settled() { [ -z "$(unsettled_guests)" ]; }

database_grown() { [ "$(load_phase demo-db)" = hold ]; }
