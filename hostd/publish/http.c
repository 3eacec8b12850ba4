// SPDX-License-Identifier: GPL-2.0
/*
 * libmicrohttpd does all that faces the socket; it has no thread here. Its epoll descriptor is
 * watched by the daemon's loop, and a timer wakes it when it wants to be, and drops connections.
 *
 * Bounds: CONNECTIONS_MAX connections with MEMORY_PER_CONNECTION each. Each is for one request, and is
 * dropped CONNECTION_MS after it came, however busy it is: one that is only dropped when it is idle
 * could be kept by a byte now and then, and a few such would keep everybody else out. An answer is made
 * per request; Prometheus asks every 15 s or so, and a client that asks more often than the daemon ticks
 * gets what a moment ago was rendered.
 */
#include "publish/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "publish/metrics.h"
#include "util/clock.h"
#include "util/log.h"

#define CONNECTIONS_MAX	      16
#define MEMORY_PER_CONNECTION (16 * 1024)
#define CONNECTION_MS	      5000 /* a scrape of 10,000 VMs takes a fraction of a second */
#define BACKLOG		      16
#define NOT_YET_USEC	      (UINT64_MAX / 4)

struct connection {
	int fd; /* MHD's; -1: none, or it has been dropped */
	bool used; /* until MHD has closed it */
	uint64_t due_ms; /* dropped then */
};

struct http {
	struct MHD_Daemon *mhd;
	struct connection connections[CONNECTIONS_MAX];
	bool closed; /* one of them, since MHD last ran: only when it runs again it takes others */
	sd_event_source *io;
	sd_event_source *timer;
	status_fn status;
	void *userdata;
	struct MHD_Response *rendered; /* the last answer, for those who ask again at once */
	uint64_t rendered_ms;
};

/* Returns a descriptor or a negative errno. */
static int listen_on(const struct conf_listen *listen_conf)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(listen_conf->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(listen_conf->port) };
	bool is4 = inet_pton(AF_INET, listen_conf->address, &in4.sin_addr) == 1;
	const int on = 1;
	int fd, ret;

	if (!is4 && inet_pton(AF_INET6, listen_conf->address, &in6.sin6_addr) != 1)
		return -EINVAL;
	fd = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ret = is4 ? bind(fd, (struct sockaddr *)&in4, sizeof(in4))
		  : bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	if (!ret)
		ret = listen(fd, BACKLOG);
	if (ret) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int code,
				   const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return ret;
}

/* Make http->rendered what the daemon knows now. */
static int render(struct http *http)
{
	struct MHD_Response *response;
	struct status status;
	char *text;
	size_t length;

	if (http->rendered && clock_monotonic_ms() - http->rendered_ms < METRICS_FRESH_MS)
		return 0;
	http->status(http->userdata, &status);
	if (metrics_render(&status, &text, &length))
		return -ENOMEM;
	response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return -ENOMEM;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_CONTENT_TYPE);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (http->rendered)
		MHD_destroy_response(http->rendered);
	http->rendered = response;
	http->rendered_ms = clock_monotonic_ms();
	return 0;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
				  const char *url, const char *method, const char *version,
				  const char *upload, size_t *upload_size, void **request)
{
	struct http *http = userdata;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!strcmp(url, "/"))
		return answer_text(connection, MHD_HTTP_OK, "aerostatd: see /metrics\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_text(connection, MHD_HTTP_NOT_FOUND, "there is only /metrics\n");
	if (render(http))
		return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return MHD_queue_response(connection, MHD_HTTP_OK, http->rendered);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *ours = *context;
	struct http *http = userdata;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		http->closed = true;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED && ours)
		*ours = (struct connection){ .fd = -1 };
	if (code != MHD_CONNECTION_NOTIFY_STARTED || !info)
		return;
	/* There are no more of them than places: MHD sees to that. */
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (http->connections[i].used)
			continue;
		http->connections[i] = (struct connection){
			.fd = info->connect_fd,
			.used = true,
			.due_ms = clock_monotonic_ms() + CONNECTION_MS,
		};
		*context = &http->connections[i];
		break;
	}
}

/* Cut off those whose time is up; MHD then closes them. Returns when the next one's is. */
static uint64_t drop_late(struct http *http)
{
	uint64_t now_ms = clock_monotonic_ms(), next_ms = UINT64_MAX;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = &http->connections[i];

		if (connection->fd < 0)
			continue;
		if (connection->due_ms <= now_ms) {
			shutdown(connection->fd, SHUT_RDWR);
			connection->fd = -1;
		} else if (connection->due_ms - now_ms < next_ms) {
			next_ms = connection->due_ms - now_ms;
		}
	}
	return next_ms;
}

/* Let it work, and wake it when it wants to be, at the latest. */
static int run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	uint64_t next_ms;

	drop_late(http);
	http->closed = false;
	MHD_run(http->mhd);
	next_ms = drop_late(http);
	if (MHD_get_timeout(http->mhd, &timeout_ms) == MHD_YES && timeout_ms < next_ms)
		next_ms = timeout_ms;
	if (http->closed)
		next_ms = 0;
	if (next_ms == UINT64_MAX)
		return sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
	sd_event_source_set_time_relative(http->timer, next_ms * 1000);
	return sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	run(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	run(userdata);
	return 0;
}

static int watch(struct http *http, sd_event *event)
{
	const union MHD_DaemonInfo *info;
	int ret;

	info = MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return -EOPNOTSUPP;
	ret = sd_event_add_io(event, &http->io, info->epoll_fd, EPOLLIN, on_io, http);
	if (ret < 0)
		return ret;
	ret = sd_event_add_time_relative(event, &http->timer, CLOCK_MONOTONIC, NOT_YET_USEC, 0,
					 on_timer, http);
	return ret < 0 ? ret : 0;
}

int http_new(sd_event *event, const struct conf_listen *listen_conf, status_fn status,
	     void *userdata, struct http **ret_http)
{
	struct http *http;
	int fd, ret;

	fd = listen_on(listen_conf);
	if (fd < 0)
		return fd;
	http = calloc(1, sizeof(*http));
	if (!http) {
		close(fd);
		return -ENOMEM;
	}
	http->status = status;
	http->userdata = userdata;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		http->connections[i].fd = -1;
	/* The daemon owns `fd` from here on, if it starts. */
	http->mhd = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
	if (!http->mhd) {
		close(fd);
		free(http);
		return -EIO;
	}
	ret = watch(http, event);
	if (ret) {
		http_free(http);
		return ret;
	}
	*ret_http = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	sd_event_source_disable_unref(http->io);
	sd_event_source_disable_unref(http->timer);
	MHD_stop_daemon(http->mhd);
	if (http->rendered)
		MHD_destroy_response(http->rendered);
	free(http);
}
