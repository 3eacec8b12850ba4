// SPDX-License-Identifier: GPL-2.0
/*
 * One netlink socket, one question at a time. After an answer that is not the expected one the
 * socket is made anew, because what still comes on the old one would be taken for the answer to
 * the next question.
 *
 * Layout: the kernel has only ever appended to struct taskstats, but for versions 14 and 15, which
 * have fields in the middle; 16 moved those to the end. So of any other version the part that our
 * header knows is copied, as far as it was sent.
 */
#include "source/delays.h"

#include <errno.h>
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "util/text_file.h"

#define NS_PER_PERMILLE_MS 1000 /* nanoseconds in a thousandth of a millisecond */
#define RATE_MAX	   ((uint64_t)1000 * 1000) /* permille: a thousand threads, all the time */

#define VERSION_MIN	     9 /* the first with thrashing; Linux 4.20 */
#define VERSION_BROKEN_FIRST 14
#define VERSION_BROKEN_LAST  15

struct delays_source {
	struct nl_sock *socket;
	int family;
};

struct answer {
	bool accounted;
	int error; /* of what came; -ENODATA: nothing came yet */
	struct delays delays;
};

int delays_parse(const void *payload, size_t length, bool accounted, struct delays *ret_delays)
{
	const size_t needed = offsetof(struct taskstats, thrashing_delay_total) + sizeof(__u64);
	struct taskstats stats = { 0 };

	if (length < sizeof(stats.version))
		return -EBADMSG;
	memcpy(&stats, payload, length < sizeof(stats) ? length : sizeof(stats));
	if (stats.version < VERSION_MIN ||
	    (stats.version >= VERSION_BROKEN_FIRST && stats.version <= VERSION_BROKEN_LAST))
		return -EPROTONOSUPPORT;
	if (length < needed)
		return -EBADMSG;
	*ret_delays = (struct delays){ .cpu_ns = opt_some(stats.cpu_delay_total) };
	if (!accounted)
		return 0;
	ret_delays->block_io_ns = opt_some(stats.blkio_delay_total);
	ret_delays->swap_in_ns = opt_some(stats.swapin_delay_total);
	ret_delays->thrashing_ns = opt_some(stats.thrashing_delay_total);
	ret_delays->reclaim_ns = opt_some(stats.freepages_delay_total);
	return 0;
}

static struct opt_u64 waited(struct opt_u64 before, struct opt_u64 now, uint64_t elapsed_ms)
{
	uint64_t before_ns, now_ns, permille;

	if (!opt_get(now, &now_ns) || !opt_get(before, &before_ns) || now_ns < before_ns ||
	    !elapsed_ms)
		return opt_none();
	permille = (now_ns - before_ns) / elapsed_ms / NS_PER_PERMILLE_MS;
	return opt_some(permille < RATE_MAX ? permille : RATE_MAX);
}

void delays_rates(const struct delays *before, const struct delays *now, uint64_t elapsed_ms,
		  struct vm_host *host)
{
	host->cpu_wait_permille = waited(before->cpu_ns, now->cpu_ns, elapsed_ms);
	host->io_wait_permille = waited(before->block_io_ns, now->block_io_ns, elapsed_ms);
	host->swap_wait_permille = waited(before->swap_in_ns, now->swap_in_ns, elapsed_ms);
	host->thrash_wait_permille = waited(before->thrashing_ns, now->thrashing_ns, elapsed_ms);
	host->reclaim_wait_permille = waited(before->reclaim_ns, now->reclaim_ns, elapsed_ms);
}

bool delays_accounted(const char *root)
{
	char text[16];

	return !text_file_read(root, "proc/sys/kernel/task_delayacct", text, sizeof(text)) &&
	       text[0] == '1';
}

static int errno_of_netlink(int error)
{
	switch (-error) {
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
	case NLE_FAILURE: /* what libnl makes of ESRCH */
		return -ESRCH;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* libnl's callback for each valid message. */
static int take_message(struct nl_msg *message, void *userdata)
{
	struct nlattr *attributes[TASKSTATS_TYPE_MAX + 1];
	struct nlattr *parts[TASKSTATS_TYPE_MAX + 1];
	struct answer *answer = userdata;

	answer->error = -EBADMSG;
	if (genlmsg_parse(nlmsg_hdr(message), 0, attributes, TASKSTATS_TYPE_MAX, NULL) ||
	    !attributes[TASKSTATS_TYPE_AGGR_TGID] ||
	    nla_parse_nested(parts, TASKSTATS_TYPE_MAX, attributes[TASKSTATS_TYPE_AGGR_TGID],
			     NULL) ||
	    !parts[TASKSTATS_TYPE_STATS])
		return NL_OK;
	answer->error = delays_parse(nla_data(parts[TASKSTATS_TYPE_STATS]),
				     (size_t)nla_len(parts[TASKSTATS_TYPE_STATS]),
				     answer->accounted, &answer->delays);
	return NL_OK;
}

static int make_socket(struct delays_source *source)
{
	const struct timeval timeout = { .tv_usec = DELAYS_TIMEOUT_MS * 1000 };
	int ret;

	source->socket = nl_socket_alloc();
	if (!source->socket)
		return -ENOMEM;
	ret = genl_connect(source->socket);
	if (ret)
		return errno_of_netlink(ret);
	if (setsockopt(nl_socket_get_fd(source->socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)))
		return -errno;
	ret = genl_ctrl_resolve(source->socket, TASKSTATS_GENL_NAME);
	if (ret < 0)
		return ret == -NLE_OBJ_NOTFOUND ? -ENOENT : errno_of_netlink(ret);
	source->family = ret;
	/* The answer is the acknowledgement. */
	nl_socket_disable_auto_ack(source->socket);
	return 0;
}

static void drop_socket(struct delays_source *source)
{
	nl_socket_free(source->socket);
	source->socket = NULL;
}

int delays_open(struct delays_source **ret_source)
{
	struct delays_source *source = calloc(1, sizeof(*source));
	int ret;

	if (!source)
		return -ENOMEM;
	ret = make_socket(source);
	if (ret) {
		delays_close(source);
		return ret;
	}
	*ret_source = source;
	return 0;
}

static int send_question(struct delays_source *source, pid_t pid)
{
	struct nl_msg *message = nlmsg_alloc();
	int ret = -NLE_NOMEM;

	if (message && genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, source->family, 0,
				   NLM_F_REQUEST, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION))
		ret = nla_put_u32(message, TASKSTATS_CMD_ATTR_TGID, (uint32_t)pid);
	if (!ret)
		ret = nl_send_auto(source->socket, message);
	nlmsg_free(message);
	return ret < 0 ? errno_of_netlink(ret) : 0;
}

static int ask(struct delays_source *source, pid_t pid, struct answer *answer)
{
	int ret;

	ret = nl_socket_modify_cb(source->socket, NL_CB_VALID, NL_CB_CUSTOM, take_message, answer);
	if (ret)
		return errno_of_netlink(ret);
	ret = send_question(source, pid);
	if (ret)
		return ret;
	ret = nl_recvmsgs_default(source->socket);
	return ret < 0 ? errno_of_netlink(ret) : answer->error;
}

int delays_read(struct delays_source *source, pid_t pid, bool accounted, struct delays *ret_delays)
{
	struct answer answer = { .accounted = accounted, .error = -ENODATA };
	int ret;

	if (!source->socket) {
		ret = make_socket(source);
		if (ret) {
			drop_socket(source);
			return ret;
		}
	}
	ret = ask(source, pid, &answer);
	if (ret && ret != -ESRCH && ret != -EPERM && ret != -EPROTONOSUPPORT)
		drop_socket(source);
	if (!ret)
		*ret_delays = answer.delays;
	return ret;
}

void delays_close(struct delays_source *source)
{
	if (!source)
		return;
	nl_socket_free(source->socket);
	free(source);
}
