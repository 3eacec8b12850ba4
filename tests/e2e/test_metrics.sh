# shellcheck shell=bash disable=SC2154 # see check
# Metrics of the real daemon with real guests: as text, as a file, in a real Prometheus with our
# rules and dashboard, and of two daemons at once.

# shellcheck source=tests/e2e/prometheus.sh
. "$top/tests/e2e/prometheus.sh"

with_prometheus() { trap 'stop_prometheus; end_test; end_second' EXIT; }

second_pid=''
end_second()
{
	[ -n "$second_pid" ] || return 0
	kill "$second_pid" 2>/dev/null || true
	wait "$second_pid" 2>/dev/null || true
}

metrics() { curl -sf "http://127.0.0.1:$metrics_port/metrics"; }

# Short of memory, so that there is something to see; what standard input adds comes last.
configure_metrics()
{
	metrics_port=$(free_port)
	configure < <(
		cat <<-CONF
			[host]
			budget = ${short_budget_mib}M
			[metrics]
			listen = 127.0.0.1:$metrics_port
		CONF
		cat
	)
}

test_metrics_are_served()
{
	have promtool || skip "promtool is not installed; scripts/bootstrap installs it"
	configure_metrics </dev/null
	start_daemon
	eventually "decisions are made" vm_known vm-a
	metrics >"$test_dir/metrics.txt"
	promtool check metrics <"$test_dir/metrics.txt" >"$test_dir/promtool.log" 2>&1 ||
		fail "promtool: $(cat "$test_dir/promtool.log")"
	equal "what promtool says" "$(cat "$test_dir/promtool.log")" ""
	expect "the VMs are counted" grep -qx 'aerostat_vms 6' "$test_dir/metrics.txt"
	expect "maximum in bytes" grep -qE \
		"^aerostat_vm_maximum_bytes\{domain=\"vm-a\",.*\} $((guest_kib * 1024))\$" \
		"$test_dir/metrics.txt"
	expect_not "a guest that never reported has no usable memory, rather than none" \
		grep -q '^aerostat_vm_guest_usable_bytes{domain="vm-mute"' "$test_dir/metrics.txt"
	equal "other paths" "$(http_code /status)" 404
	equal "other methods" "$(http_code /metrics -X POST)" 405
	stop_daemon
	expect_not "with the daemon goes its port" metrics
}

http_code()
{
	local path=$1
	shift
	curl -s -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$metrics_port$path"
}

# Nothing listens unless it is asked for; a reload begins, moves and ends it.
test_metrics_follow_the_configuration()
{
	configure </dev/null
	start_daemon
	expect_not "no listener by default" grep -q listening "$test_dir/aerostatd.log"
	configure_metrics </dev/null
	kill -HUP "$daemon_pid"
	eventually "a reload begins to serve" metrics >/dev/null
	configure </dev/null
	kill -HUP "$daemon_pid"
	eventually "and ends it" not_served
	stop_daemon
}

not_served() { ! metrics >/dev/null; }

test_port_that_is_taken_harms_nothing_else()
{
	configure_metrics <<-CONF
		[vm]
		limit = 192M
	CONF
	socat "TCP-LISTEN:$metrics_port,bind=127.0.0.1" /dev/null 9>&- &
	second_pid=$!
	trap 'end_test; end_second' EXIT
	eventually "the port is taken" port_taken "$metrics_port"
	start_daemon
	expect "it says so" log_has "cannot listen on 127.0.0.1 port $metrics_port"
	eventually "and controls the VMs" actual_at_most vm-b $((192 * 1024))
	stop_daemon
}

# State 0A: listening.
port_taken() { grep -qi ":$(printf %04X "$1") 00000000:0000 0A" /proc/net/tcp; }

test_metrics_as_a_file()
{
	have promtool || skip "promtool is not installed; scripts/bootstrap installs it"
	configure <<-CONF
		[metrics]
		textfile = $test_dir/aerostat.prom
	CONF
	start_daemon
	eventually "the file is written" test -s "$test_dir/aerostat.prom"
	eventually "with decisions" grep -q '^aerostat_vm_entitlement_bytes' "$test_dir/aerostat.prom"
	promtool check metrics <"$test_dir/aerostat.prom" || fail "promtool finds fault with it"
	equal "its mode" "$(stat -c %a "$test_dir/aerostat.prom")" 644
	stop_daemon
	expect_not "it goes with the daemon" test -e "$test_dir/aerostat.prom"
}

# The alerts and rules we ship, by their own tests.
test_alert_rules_fire_as_they_should()
{
	have promtool || skip "promtool is not installed; scripts/bootstrap installs it"
	promtool check rules "$top"/hostd/data/prometheus/*.yml || fail "the rules are wrong"
	promtool test rules "$top"/tests/prometheus/*.yml || fail "an alert does not fire as it should"
}

# Every query of the dashboard, and every rule's metric, finds something in a Prometheus that
# scrapes a daemon with guests.
test_dashboard_queries_find_data()
{
	local query missing=0
	have prometheus || skip "prometheus is not installed; scripts/bootstrap installs it"
	with_prometheus
	configure_metrics <<-CONF
		[alarms]
		hold = 0
		ballooned = 10%
	CONF
	start_daemon
	start_prometheus "$metrics_port"
	eventually "the host is short, and says who is ballooned" prometheus_finds \
		'aerostat_alarm{alarm="ballooned"} == 1'
	eventually "rates are known" prometheus_finds 'rate(aerostat_targets_lowered_total[30s])'
	eventually "recording rules are evaluated" prometheus_finds 'aerostat:safe_overcommit:ratio'
	while IFS= read -r query; do
		case $query in
		aerostat_host_storage_latency_seconds*) host_has_disks || continue ;;
		esac
		prometheus_finds "$query" || eventually_finds "$query" || {
			printf 'finds nothing: %s: %s\n' "$query" "$(prometheus_count "$query")"
			missing=$((missing + 1))
		}
	done < <(dashboard_queries)
	equal "queries of the dashboard without data" "$missing" 0
	prometheus_query 'aerostat_vm_actual_bytes' >"$test_dir/actual.json"
	stop_daemon
}

# With the dashboard's variables filled in as Grafana would.
# shellcheck disable=SC2016 # they are not ours
dashboard_queries()
{
	jq -r '.. | .expr? // empty' "$top/hostd/data/grafana/aerostat.json" |
		sed -e 's/\$__rate_interval/30s/g' -e 's/\$instance/.*/g' -e 's/\$domain/.*/g'
}

eventually_finds()
{
	local end=$((SECONDS + 15))
	until prometheus_finds "$1"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.5
	done
}

# Two hosts, one Prometheus: the second daemon has libvirt's test driver for a host.
test_two_daemons_make_a_fleet()
{
	local first_port
	have prometheus || skip "prometheus is not installed; scripts/bootstrap installs it"
	with_prometheus
	configure_metrics </dev/null
	start_daemon
	first_port=$metrics_port
	metrics_port=$(free_port)
	printf '[daemon]\nconnect = test:///default\ninterval = 500ms\n[metrics]\nlisten = %s\n' \
		"$metrics_port" >"$test_dir/second.conf"
	"$aerostatd" --config "$test_dir/second.conf" --bus none --wall-clock 627319920 \
		>"$test_dir/second.log" 2>&1 9>&- &
	second_pid=$!
	start_prometheus "$first_port" "$metrics_port"
	eventually "both are counted" fleet_has_two
	eventually "their memory is added up" prometheus_finds 'aerostat:fleet_maximum_bytes:sum ==
		sum(aerostat_vm_maximum_bytes)'
	eventually "each host has its overcommit" prometheus_finds 'aerostat:overcommit:ratio' 2
	eventually "the host with room is found" prometheus_finds 'aerostat:fleet_move_to:room_bytes'
	stop_daemon
}

fleet_has_two() { [ "$(prometheus_value 'aerostat:fleet_hosts:count')" = 2 ]; }
