# shellcheck shell=bash
# What the project's scripts share: where things are, how they speak, how they get root.
# Sourced, not run.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
export top build

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die()
{
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Print the header comment of the calling script: its help is its first comment, once.
usage() { awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"; }

# The prefix of the tools that build for the kernel whose headers are in $1; none where it is of this
# machine's own kind.
cross_prefix()
{
	[ "$(uname -m)" = aarch64 ] || ! grep -qsx CONFIG_ARM64=y "$1/.config" || echo aarch64-linux-gnu-
}

have() { command -v "$1" >/dev/null 2>&1; }

# Run as root: directly, or through sudo. Fails with a clear line when neither is possible.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif have sudo; then
		sudo -- "$@"
	else
		die "this needs root and there is no sudo; run as root: $*"
	fi
}

# Fetch apt's package lists when there are none, so that names resolve on a bare machine.
apt_lists()
{
	local list
	for list in /var/lib/apt/lists/*_Packages*; do
		if [ -e "$list" ]; then
			return 0
		fi
	done
	say "fetching the package lists (apt-get update)"
	as_root apt-get -q update >&2
}
