/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migrations of a guest that hints free memory, as far as its source goes.
 */
#ifndef GUEST_MIGRATION_H
#define GUEST_MIGRATION_H

#include "checks.h"

#define USED_MIB 110u

/* As slow as a network: the hints are there long before the memory has been copied. */
#define SLOW_BYTES_S (16ull << 20)

/* The balloon with hints, which QEMU takes in a thread of their own: an option of its own. */
#define HINTED_DEVICE "virtio-balloon-pci,id=balloon0,free-page-hint=on,iothread=io0"
extern const char *const hint_thread[];

#define FAST_BYTES_S (1ull << 30)

/* Where a migration goes of which only the source counts. */
#define NOWHERE "exec:cat >/dev/null"

int set_bandwidth(struct guest *guest, uint64_t bytes_s);
/* `to` is QEMU's migration URI. */
int start_migration(struct guest *guest, const char *to, uint64_t bytes_s);
/* Waits until it is over one way or the other, which must be `expected`; its memory may be NULL. */
void wait_migration(struct test *t, const char *expected, uint64_t *ret_moved_bytes);
void cancel_migration(struct test *t);
/* Starts a migration and waits until the driver has hinted something for it. */
void start_hinted(struct test *t, const char *to, uint64_t bytes_s);

/* Fills USED_MIB of free memory, so that it would be copied; and keeps some that must be. */
void use_memory(struct test *t);
/* What the named hog wrote is there. */
void check_hog_kept(struct test *t, const char *name);
/* Free memory is what it was, but for what a kernel moves about while it is migrated. */
void check_free(struct test *t, uint64_t free_kib);
/* The same, and no page is set aside any more. */
void check_released(struct test *t, uint64_t free_kib);

#endif
