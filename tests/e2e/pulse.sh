# shellcheck shell=bash disable=SC2154 # variables shared with who sources it
# How late this machine is. When it has other things to do, or its host has, everything on it is
# late, the daemon with it: what is promised in time is promised but for that.
#
# pulse FILE, in the background, writes a line each time it was woken late: when it was, and by how
# much, both in ms. late_file: the one that machine_late_ms reads.

pulse_ms=200
pulse_slack_ms=30 # a little late it always is

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Runs until it is killed.
pulse()
{
	local before now
	before=$(now_ms)
	while sleep "0.$pulse_ms"; do
		now=$(now_ms)
		if [ $((now - before)) -gt $((pulse_ms + pulse_slack_ms)) ]; then
			printf '%s %s\n' "$now" $((now - before - pulse_ms)) >>"$1"
		fi
		before=$(now_ms)
	done
}

# machine_late_ms [SINCE_MS]: by how much in all, since then or since the pulse began.
machine_late_ms()
{
	[ -e "$late_file" ] || { echo 0; return; }
	awk -v since="${1:-0}" '$1 >= since { sum += $2 } END { print sum + 0 }' "$late_file"
}
