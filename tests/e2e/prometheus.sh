# shellcheck shell=bash disable=SC2154 # see check
# A Prometheus of a test's own, that scrapes the test's daemons with the rules we ship.

prometheus_pid=''

# A port of 127.0.0.1 that nothing listens on now.
free_port()
{
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	printf '%s\n' "$port"
}

# start_prometheus PORT...: scrape these ports, two times a second.
start_prometheus()
{
	local targets
	have prometheus || skip "prometheus is not installed; scripts/bootstrap installs it"
	prometheus_port=$(free_port)
	targets=$(printf "'127.0.0.1:%s', " "$@")
	cat >"$test_dir/prometheus.yml" <<-CONF
		global: { scrape_interval: 500ms, evaluation_interval: 1s }
		rule_files: ['$top/hostd/data/prometheus/*.yml']
		scrape_configs:
		  - job_name: aerostat
		    static_configs: [{ targets: [ ${targets%, } ] }]
	CONF
	prometheus --config.file="$test_dir/prometheus.yml" --log.level=warn \
		--storage.tsdb.path="$test_dir/tsdb" \
		--web.listen-address="127.0.0.1:$prometheus_port" >"$test_dir/prometheus.log" 2>&1 \
		9>&- &
	prometheus_pid=$!
	eventually "Prometheus is ready" \
		curl -sf -o /dev/null "http://127.0.0.1:$prometheus_port/-/ready"
}

stop_prometheus()
{
	[ -n "$prometheus_pid" ] || return 0
	kill "$prometheus_pid" 2>/dev/null || true
	wait "$prometheus_pid" 2>/dev/null || true
	prometheus_pid=''
	rm -rf "$test_dir/tsdb"
}

# What Prometheus answers to a query, as JSON.
prometheus_query()
{
	curl -sG "http://127.0.0.1:$prometheus_port/api/v1/query" --data-urlencode "query=$1"
}

# How many series a query finds; an error is said, and none.
prometheus_count()
{
	prometheus_query "$1" | jq -r 'if .status == "success" then .data.result | length
		else ("error: " + .error) end'
}

prometheus_finds() { at_least "$(prometheus_count "$1")" "${2:-1}"; }

# The value of the only series a query finds.
prometheus_value() { prometheus_query "$1" | jq -r '.data.result[0].value[1] // empty'; }
