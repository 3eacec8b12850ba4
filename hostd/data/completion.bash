# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Completion for aerostatctl: subcommands, their options as --help lists them, names of VMs, and
# keys of settings. Needs neither the daemon nor jq: what does not answer completes nothing.

# The first command of each VM's line in the status, without its heading.
_aerostatctl_vms()
{
	aerostatctl top --batch --sort name 2>/dev/null | awk 'seen { print $1 } /^NAME / { seen = 1 }'
}

_aerostatctl_commands() { aerostatctl --help | awk '/^  [a-z]/ { print $1 }'; }

_aerostatctl_options() { aerostatctl "$1" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

_aerostatctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=''
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_aerostatctl_commands) --help --version" -- "$word")
		return
	fi
	case $before in
	--bus) words='system session' ;;
	--sort) words='name actual used ballooned demand' ;;
	--for | --since | --delay) words='1min 10min 1h 6h 24h' ;;
	--plot | --trace | --scenario | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	case $word in
	-*) words=$(_aerostatctl_options "${COMP_WORDS[1]}") ;;
	esac
	if [ -z "$words" ]; then
		case ${COMP_WORDS[1]} in
		status | explain | top | history | capacity | boost | pause | resume)
			words=$(_aerostatctl_vms)
			;;
		set)
			words="$(_aerostatctl_vms) reservation= limit= shares= buffer= mode= class="
			;;
		check-config)
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
			;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

complete -F _aerostatctl aerostatctl
