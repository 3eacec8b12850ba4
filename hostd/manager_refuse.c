// SPDX-License-Identifier: GPL-2.0
/*
 * Targets that libvirt does not take: it says no to whom it has not allowed, another job (a migration,
 * a save, somebody else's long call) holds the domain, or QEMU has no balloon after all. Asking again
 * with each tick would bring a line of log each time and a call that waits for the domain's lock. So
 * that VM is asked again after a while, each time after twice as long; at once when the job has
 * ended, it was started anew, or libvirt was. Meanwhile the policy knows, so that nobody waits for what
 * this one would give, and its reason says so.
 */
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>

#include "util/log.h"

#define RETRY_FIRST_MS 10000
#define RETRY_MAX_MS   300000

/* Of these the next roster or connection says more, and there is nothing to wait for. */
static bool is_passing(int error)
{
	return error == -ENOTCONN || error == -ESTALE || error == -ENOENT || error == -ESHUTDOWN;
}

void manager_refused(struct manager *manager, struct vm *vm, uint64_t target_kib, int error,
		     const char *why)
{
	struct vm_refusal *refusal = &vm->refusal;

	if (is_passing(error)) {
		log_debug("%s: target of %" PRIu64 " KiB not set: %s", vm->name, target_kib, why);
		return;
	}
	refusal->delay_ms = refusal->delay_ms ? refusal->delay_ms * 2 : RETRY_FIRST_MS;
	if (refusal->delay_ms > RETRY_MAX_MS)
		refusal->delay_ms = RETRY_MAX_MS;
	refusal->until_ms = clock_monotonic_ms() + refusal->delay_ms;
	if (!refusal->episode)
		log_warning("%s: target of %" PRIu64
			    " KiB not set: %s; it is tried again later, at "
			    "least every %d s",
			    vm->name, target_kib, why, RETRY_MAX_MS / 1000);
	refusal->episode = true;
	/* If a job is at it, its end is looked for from now on. */
	if (error == -EBUSY)
		vm->has_job = true;
	if (error == -EBUSY || error == -ETIMEDOUT)
		manager_describe_vm(manager, vm);
}

void manager_taken(struct vm *vm)
{
	if (vm->refusal.episode)
		log_info("%s: libvirt sets its targets again", vm->name);
	vm->refusal = (struct vm_refusal){ 0 };
}

void manager_refusal_retry(struct vm *vm)
{
	vm->refusal.until_ms = 0;
	vm->refusal.delay_ms = 0;
}

uint64_t manager_refused_ms(const struct vm *vm, uint64_t now_ms)
{
	return now_ms < vm->refusal.until_ms ? vm->refusal.until_ms - now_ms : 0;
}
