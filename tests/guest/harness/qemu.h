/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_QEMU_H
#define GUEST_QEMU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * For guests that are suspended to memory. After the first wake-up, QEMU 7.2's q35 and its firmware
 * leave the registers of power management out of reach: a second sleep only seems to be one.
 */
#define SLEEPING_MACHINE "pc"

/* What a guest consists of. NULL and 0 take the default in brackets. */
struct guest_config {
	bool arm64; /* for kernels of arm64, and no others; the machine is then "virt" [x86-64] */
	const char *machine; /* q35, pc, microvm [q35] */
	const char *device; /* of the balloon, with id=balloon0 [modern PCI, no options] */
	const char *global; /* a device property to set, DRIVER.NAME=VALUE [none] */
	const char *driver; /* loaded at boot: module name or none [the driver under test] */
	const char *params; /* of that module, separated by commas [none] */
	const char *append; /* more kernel parameters [none] */
	const char *incoming; /* not booted but taken over: where from, as of -incoming [none] */
	const char *const *options; /* more of QEMU's, ended by NULL [none] */
	uint32_t memory_mib; /* [256] */
	/* Taken off that, so that it is no multiple of anything round; the balloon functions do not know. */
	uint32_t memory_less_kib; /* [0] */
	uint32_t vcpus; /* [2] */
	/* A virtio-blk disk, /dev/vda where the guest has the driver; kept until the group ends. */
	uint32_t disk_mib; /* [none] */
};

struct qemu_files {
	const char *accel; /* kvm or tcg */
	const char *kernel; /* image files */
	const char *initrd;
	const char *console; /* log files */
	const char *errors;
	const char *disk; /* NULL: none */
	uint32_t extra_mib; /* memory on top of the configuration's */
};

/*
 * Starts QEMU; it dies with this process. The two sockets lead to its monitor and to the guest's
 * second serial port; they are the caller's to close.
 */
int qemu_spawn(const struct guest_config *config, const struct qemu_files *files,
	       const char *driver, pid_t *ret_pid, int *ret_qmp_fd, int *ret_agent_fd);

/* Ends it, whatever it is doing, and collects it. */
void qemu_kill(pid_t pid);

/* 0 when it has ended by itself within the time, -ETIMEDOUT. It is not collected. */
int qemu_wait_exit(pid_t pid, uint64_t timeout_ms);

/* In words; -EAGAIN while it lives. It is not collected. */
int qemu_how_it_ended(pid_t pid, char *text, size_t size);

#endif
