#!/bin/sh
# Find out what a kernel offers by compiling snippets against its headers.
#
# usage: probe.sh DIR OUTPUT COMPILER [FLAG...]
#
# Each DIR/NAME.c that compiles becomes `#define COMPAT_HAS_NAME 1` in OUTPUT, each other one
# `#define COMPAT_HAS_NAME 0`. DIR/sane.c must compile; else this fails and shows the compiler's
# words, rather than take every interface for missing.

set -u

dir=$1 output=$2
shift 2
object=$output.probe.o
trap 'rm -f "$object" "$output.tmp"' EXIT

if ! "$@" -c -o "$object" "$dir/sane.c"; then
	echo "probe.sh: error: not even $dir/sane.c compiles against this kernel" >&2
	exit 1
fi
{
	echo "/* Made by compat/probe.sh from the snippets in compat/probe/. */"
	for snippet in "$dir"/*.c; do
		name=$(basename "$snippet" .c | tr '[:lower:]' '[:upper:]')
		[ "$name" != SANE ] || continue
		has=0
		if "$@" -c -o "$object" "$snippet" 2>/dev/null; then
			has=1
		fi
		echo "#define COMPAT_HAS_$name $has"
	done
} >"$output.tmp" && mv "$output.tmp" "$output"
