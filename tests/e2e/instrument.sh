# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with check and daemon.sh
# The daemon of all tests under a sanitizer, or under valgrind. Sourced by check, behind daemon.sh.
# Whatever either of them reports, in whatever a test keeps of a daemon's output, fails that test.

# instrument WHAT: build the daemon for it, and have the tests start that one.
instrument()
{
	case $1 in
	address)
		make --no-print-directory -s -C "$top/hostd" SANITIZE=1 >&2
		aerostatd=$build/hostd-sanitize/aerostatd
		export UBSAN_OPTIONS=print_stacktrace=1
		;;
	thread)
		make --no-print-directory -s -C "$top/hostd" SANITIZE=thread >&2
		aerostatd=$build/hostd-thread/aerostatd
		export TSAN_OPTIONS="suppressions=$top/tests/tsan.supp"
		;;
	valgrind)
		aerostatd=$out/aerostatd-in-valgrind
		cat >"$aerostatd" <<-WRAPPER
			#!/bin/sh
			exec valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite \\
				'$build/hostd/aerostatd' "\$@"
		WRAPPER
		chmod +x "$aerostatd"
		;;
	esac
}

# What was reported in a test's directory, each with the beginning of its explanation; 1: nothing.
# Of valgrind every line is: without errors it is quiet.
instrument_reports()
{
	[ -n "$with" ] && grep -rahE -A 12 --include='*.log' \
		'(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: |^==[0-9]+== ' "$1"
}
