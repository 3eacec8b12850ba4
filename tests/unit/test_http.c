// SPDX-License-Identifier: GPL-2.0
/* The metrics by HTTP, with clients that mean no good: they keep nobody else out for long. */
#include "cmocka_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "publish/http.h"
#include "publish/telemetry.h"
#include "util/clock.h"

#define SLOW	    16 /* as many as may be connected */
#define PATIENCE_MS 20000
#define FEED_MS	    500 /* a byte each, so that none is ever idle */

struct scene {
	sd_event *event;
	struct http *http;
	struct conf_listen listen;
	struct fleet fleet;
	struct telemetry telemetry;
	struct host_detail host_detail;
	struct conf *conf;
};

static void get_status(void *userdata, struct status *ret_status)
{
	struct scene *scene = userdata;

	*ret_status = (struct status){
		.fleet = &scene->fleet,
		.conf = scene->conf,
		.telemetry = &scene->telemetry,
		.host_detail = &scene->host_detail,
	};
}

static struct sockaddr_in address(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

/* One that nobody listens on. */
static uint16_t free_port(void)
{
	struct sockaddr_in in = address(0);
	socklen_t length = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &length), 0);
	close(fd);
	return ntohs(in.sin_port);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->conf = conf_new_default();
	scene->listen = (struct conf_listen){ .address = "127.0.0.1", .port = free_port() };
	assert_true(sd_event_new(&scene->event) >= 0);
	assert_int_equal(http_new(scene->event, &scene->listen, get_status, scene, &scene->http),
			 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	http_free(scene->http);
	sd_event_unref(scene->event);
	conf_free(scene->conf);
	free(scene);
	return 0;
}

static int client(const struct scene *scene, const char *says)
{
	struct sockaddr_in in = address(scene->listen.port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(send(fd, says, strlen(says), MSG_NOSIGNAL), strlen(says));
	return fd;
}

static void run_for_ms(struct scene *scene, uint64_t ms)
{
	uint64_t end_ms = clock_monotonic_ms() + ms;

	while (clock_monotonic_ms() < end_ms)
		assert_true(sd_event_run(scene->event, 20000) >= 0);
}

/* What is answered up to the end of the connection; false: it has not ended yet. */
static bool read_answer(int fd, char *text, size_t size, size_t *used)
{
	for (;;) {
		ssize_t n = recv(fd, text + *used, size - 1 - *used, MSG_DONTWAIT);

		if (n <= 0)
			return n == 0 || errno != EAGAIN;
		*used += (size_t)n;
		text[*used] = '\0';
	}
}

static void scrape(struct scene *scene, int fd)
{
	static char text[1 << 20];
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
	size_t used = 0;

	while (!read_answer(fd, text, sizeof(text), &used)) {
		run_for_ms(scene, 20);
		assert_true(clock_monotonic_ms() < end_ms);
	}
	assert_contains(text, "HTTP/1.1 200 OK");
	assert_contains(text, "aerostat_");
	close(fd);
}

/* One after the other, each on a connection of its own. */
static void test_scrapes(void **state)
{
	struct scene *scene = *state;

	for (unsigned int i = 0; i < 3 * SLOW; i++)
		scrape(scene, client(scene, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"));
}

/* Headers that never end, and never pause; who comes after them is answered all the same. */
static void test_slow_clients(void **state)
{
	struct scene *scene = *state;
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
	int slow[SLOW], scraper;
	unsigned int open = SLOW;

	for (size_t i = 0; i < SLOW; i++)
		slow[i] = client(scene, "GET /metrics HTTP/1.1\r\nHost: ");
	run_for_ms(scene, 200);
	scraper = client(scene, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	while (open) {
		open = 0;
		for (size_t i = 0; i < SLOW; i++)
			open += send(slow[i], "a", 1, MSG_NOSIGNAL) == 1;
		run_for_ms(scene, FEED_MS);
		assert_true(clock_monotonic_ms() < end_ms);
	}
	scrape(scene, scraper);
	for (size_t i = 0; i < SLOW; i++)
		close(slow[i]);
}

/* Whoever waited for a place has one when all others go at once. */
static void test_who_waits_is_let_in(void **state)
{
	struct scene *scene = *state;
	int others[SLOW], scraper;

	for (size_t i = 0; i < SLOW; i++)
		others[i] = client(scene, "GET");
	run_for_ms(scene, 200);
	scraper = client(scene, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	run_for_ms(scene, 200);
	for (size_t i = 0; i < SLOW; i++)
		close(others[i]);
	scrape(scene, scraper);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scrapes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_waits_is_let_in, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
