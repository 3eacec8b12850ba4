# shellcheck shell=bash
# What tests say: expectations that explain themselves when they are not met. Sourced by check.
# Every wait has a deadline that is generous: what passes passes early, and only a failure waits.

deadline_s=180

fail()
{
	printf 'failed: %s\n' "$*"
	exit 1
}

skip()
{
	printf '%s\n' "$*"
	exit 77
}

# expect DESCRIPTION COMMAND...: the command succeeds now.
expect()
{
	local description=$1
	shift
	"$@" || fail "$description; not so: $*"
}

# expect_not DESCRIPTION COMMAND...: the command fails now.
expect_not()
{
	local description=$1
	shift
	! "$@" || fail "$description; not so: $*"
}

# eventually DESCRIPTION COMMAND...: the command succeeds before the deadline.
eventually()
{
	local description=$1 end=$((SECONDS + deadline_s))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "$description; not within $deadline_s s: $*"
		sleep 0.2
	done
}

# equal NAME ACTUAL EXPECTED
equal() { [ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"; }

# Numbers; what is not a number is never true.
at_most() { [[ $1 =~ ^[0-9]+$ ]] && [ "$1" -le "$2" ]; }
at_least() { [[ $1 =~ ^[0-9]+$ ]] && [ "$1" -ge "$2" ]; }
