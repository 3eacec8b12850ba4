/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's configuration: aerostatd.conf and the drop-ins beside it.
 *
 * Built-in defaults < PATH < (directory of PATH)/aerostatd.conf.d/ *.conf in the order of their
 * names; the last value given for a key wins. Everything is read and checked before anything is
 * returned, so a bad file changes nothing: the caller keeps the configuration it has. An
 * unknown section or key is an error, not a warning: a misspelt reservation must not be silence.
 *
 * A VM's settings are found in four layers, field by field: built-in defaults < [vm] < its class
 * < its metadata (tune.h). Its class is the one its metadata names, else the first [class NAME]
 * in file order of which a `match` pattern (fnmatch(3)) fits the VM's name, else none.
 */
#ifndef AEROSTAT_CONF_CONF_H
#define AEROSTAT_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/tune.h"
#include "policy/settings.h"

#define CONF_PATH_DEFAULT "/etc/aerostat/aerostatd.conf"
#define CONF_DROPIN_DIR	  "aerostatd.conf.d"
#define CONF_URI_LEN	  160
#define CONF_MATCH_LEN	  256
#define CONF_PATH_LEN	  256
#define CONF_ADDRESS_LEN  46 /* of an IPv6 address as text */

struct conf_class {
	char name[CONF_CLASS_NAME_LEN];
	char match[CONF_MATCH_LEN]; /* patterns separated by blanks; "": by metadata only */
	struct vm_tune tune;
};

/* [daemon]: what the daemon itself, not the policy, goes by. */
struct conf_daemon {
	char connect[CONF_URI_LEN]; /* libvirt URI */
	uint32_t interval_ms; /* between ticks */
	uint32_t event_gap_ms; /* least time between a tick and an early one after an event */
	uint32_t
		stats_period_s; /* set on VMs whose own is 0 or above stale_ms; others keep theirs */
	uint32_t call_deadline_ms; /* after this a libvirt call counts as hung */
};

/* Where something listens: a loopback address and a port; port 0: nowhere. */
struct conf_listen {
	char address[CONF_ADDRESS_LEN];
	uint16_t port;
};

/* [metrics] */
struct conf_metrics {
	struct conf_listen listen; /* for GET /metrics */
	char textfile[CONF_PATH_LEN]; /* for node_exporter; "": none */
};

/* [alarms]: when operators are told. */
struct conf_alarms {
	uint32_t host_used_permille; /* of the host's memory that is not available */
	uint32_t storage_latency_ms; /* of an I/O on the slowest disk */
	uint32_t ballooned_permille; /* of a VM's maximum that its balloon holds */
	uint32_t guest_swap_permille; /* of a VM's maximum that may be in its own swap */
	uint32_t cpu_wait_permille; /* of the time, that a VM's process waits for a CPU */
	uint32_t io_wait_permille; /* likewise for disks */
	uint32_t hold_ms; /* for how long, before it is an alarm */
	char hook[CONF_PATH_LEN]; /* a command that is run; "": none */
};

struct conf {
	struct policy_settings policy; /* [host] and [policy] */
	struct conf_daemon daemon;
	struct conf_metrics metrics;
	struct conf_alarms alarms;
	struct vm_tune vm; /* [vm]: defaults for every VM, all fields set */
	struct conf_class *classes; /* in file order */
	size_t n_classes;
};

/*
 * Read the configuration. `path` NULL: CONF_PATH_DEFAULT, which may be missing (its drop-ins are
 * still read); a `path` that was given must exist. On success *ret_conf is to be freed with
 * conf_free().
 *
 * Returns 0; -ENOENT: `path` was given and does not exist; -EINVAL: a file is wrong;
 * or the errno of what could not be read. On every failure ret_error->text says
 * "FILE:LINE: section.key: what is wrong; what would be right" as far as that applies.
 */
int conf_load(const char *path, struct conf **ret_conf, struct conf_error *ret_error);

/* The built-in defaults alone. NULL: out of memory. */
struct conf *conf_new_default(void);

void conf_free(struct conf *conf); /* takes NULL */

/*
 * The settings of the VM called `name`. `tune`: from its metadata (metadata.h), or NULL.
 * Returns 0; -ENOENT: `tune` names a class that does not exist; -ERANGE: the layers together
 * contradict each other (reservation above limit). On failure *ret_settings is untouched (keep
 * what the VM had) and ret_error->text says why, without the VM's name.
 */
int conf_vm_settings(const struct conf *conf, const char *name, const struct vm_tune *tune,
		     struct vm_settings *ret_settings, struct conf_error *ret_error);

/*
 * The name of the class that applies, for status and log; NULL: none. Borrowed from `conf` and
 * valid until it is freed.
 */
const char *conf_vm_class(const struct conf *conf, const char *name, const struct vm_tune *tune);

/*
 * Every key of the configuration by index, for documentation and its tests: section ("daemon",
 * "host", "policy", "vm"; "class" for the one key only classes have). False after the last.
 */
bool conf_key(size_t index, const char **ret_section, const char **ret_key);

#endif
