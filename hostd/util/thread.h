/* SPDX-License-Identifier: GPL-2.0 */
/* Threads that may hang in a system call, and are left behind then: nobody joins them. */
#ifndef AEROSTAT_UTIL_THREAD_H
#define AEROSTAT_UTIL_THREAD_H

/* Start one with a small stack (128 KiB). Return: 0 or a negative errno. */
int thread_start_detached(void *(*run)(void *userdata), void *userdata);

#endif
