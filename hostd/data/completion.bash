# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Completion for aerostatctl: subcommands, their options as --help lists them, names of VMs, and
# keys of settings. Needs neither the daemon nor jq: what does not answer completes nothing.
#
# Tenants choose the names of VMs. Nothing here lets the shell expand them (compgen -W does, so it
# is not used), and what is offered is quoted: `a $(b)` arrives as one argument, and as nothing else.

_aerostatctl_vms() { aerostatctl status --names 2>/dev/null; }

_aerostatctl_commands() { aerostatctl --help | awk '/^  [a-z]/ { print $1 }'; }

_aerostatctl_options() { aerostatctl "$1" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

# _aerostatctl_parse TEXT: take it apart as a shell would, without expanding anything. Leaves the last
# word in `word`, as typed in `raw`, and in `quote` the quote that is still open.
_aerostatctl_parse()
{
	local rest=$1 char
	word='' raw='' quote=''
	while [ -n "$rest" ]; do
		char=${rest:0:1} rest=${rest:1}
		raw+=$char
		case $quote$char in
		' ' | $'\t') word='' raw='' ;;
		"'" | '"') quote=$char ;;
		"''" | '""') quote='' ;;
		\\ | \"\\)
			word+=${rest:0:1} raw+=${rest:0:1} rest=${rest:1}
			;;
		*) word+=$char ;;
		esac
	done
}

# _aerostatctl_quote TEXT: in `quoted`, as it is to stand after `quote`.
_aerostatctl_quote()
{
	quoted=$1
	case $quote in
	"'") quoted=${quoted//\'/\'\\\'\'} ;;
	'"')
		quoted=${quoted//\\/\\\\} quoted=${quoted//\"/\\\"}
		quoted=${quoted//\$/\\\$} quoted=${quoted//\`/\\\`}
		;;
	*) printf -v quoted %q "$quoted" ;;
	esac
}

# Offer those lines of the standard input that begin with `word`, without what readline keeps of it.
_aerostatctl_offer()
{
	local line quoted
	while IFS= read -r line; do
		[[ $line == "$word"* ]] || continue
		_aerostatctl_quote "${line#"$kept"}"
		COMPREPLY+=("$quoted")
	done
}

_aerostatctl_offer_files()
{
	mapfile -t COMPREPLY < <(compgen -f -- "$word")
	compopt -o filenames 2>/dev/null
}

_aerostatctl_offer_words() { _aerostatctl_offer < <(printf '%s\n' "$@"); }

_aerostatctl_keys=(reservation= limit= shares= buffer= mode= class=)

_aerostatctl()
{
	local word raw quote kept before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	COMPREPLY=()
	_aerostatctl_parse "${COMP_LINE:0:COMP_POINT}"
	# readline replaces $2: what follows an opening quote or the last of $COMP_WORDBREAKS.
	_aerostatctl_parse "${raw%"$2"}"
	kept=$word
	_aerostatctl_parse "${COMP_LINE:0:COMP_POINT}"
	if [ "$COMP_CWORD" -eq 1 ]; then
		_aerostatctl_offer < <(_aerostatctl_commands; printf '%s\n' --help --version)
		return
	fi
	case $before in
	--bus) _aerostatctl_offer_words system session; return ;;
	--sort) _aerostatctl_offer_words name actual used ballooned demand; return ;;
	--for | --since | --delay | --timeout)
		_aerostatctl_offer_words 30s 1min 10min 1h 6h 24h
		return
		;;
	--plot | --trace | --scenario | --config | --domain-xml) _aerostatctl_offer_files; return ;;
	esac
	case $word in
	-*)
		_aerostatctl_offer < <(_aerostatctl_options "$command")
		return
		;;
	esac
	case $command in
	status | explain | top | history | capacity | boost | pause | resume)
		_aerostatctl_offer < <(_aerostatctl_vms)
		;;
	set)
		_aerostatctl_offer < <(_aerostatctl_vms; printf '%s\n' "${_aerostatctl_keys[@]}")
		;;
	check-config) _aerostatctl_offer_files ;;
	esac
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

complete -F _aerostatctl aerostatctl
