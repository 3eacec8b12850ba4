/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for a VM that is about to start. A reservation makes the policy free so much on the host
 * and then holds it, until a VM starts or the time is up; nobody here gets it meanwhile.
 */
#ifndef AEROSTAT_MANAGER_RESERVE_H
#define AEROSTAT_MANAGER_RESERVE_H

#include <stdint.h>

struct conf_error;
struct manager;
struct policy_settings;
struct vm;

/*
 * `error` 0: it is free, and held. -ETIMEDOUT: not in time, and given up; `why` says who keeps it.
 * -EAGAIN: libvirt has not answered. -ECANCELED: its VM has started, or another one has taken its
 * place.
 */
typedef void (*reserve_done_fn)(void *userdata, int error, const char *why);

/*
 * Free and hold `size_kib` for the start of `vm` (name or UUID; NULL: of any). done() follows within
 * `timeout_ms`, on the loop's thread; what is free by then is held for as long again. Returns 0;
 * -EAGAIN, -ERANGE or -EINVAL, and ret_why says why: it is not known yet which VMs run, or it cannot be;
 * or another negative errno.
 */
int manager_reserve(struct manager *manager, const char *vm, uint64_t size_kib, uint64_t timeout_ms,
		    reserve_done_fn done, void *userdata, struct conf_error *ret_why);

/* For the tick: what the policy is to hold free, and how much of that it now does. */
uint64_t manager_reserve_hold_kib(struct manager *manager);
void manager_reserve_judged(struct manager *manager);

/* A VM has started: its reservation, or the oldest that is for anybody, has done its work. */
void manager_reserve_started(struct manager *manager, const struct vm *vm);

/* Give all up; nobody who waits is told. */
void manager_reserve_clear(struct manager *manager);

#endif
