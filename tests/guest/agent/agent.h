/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program that runs as PID 1 in test and demo guests: what its parts offer each other.
 *
 * agent.c    start-up: mounts, modules, command line, the request loop
 * command.c  the requests a host can make, one function each
 * disk.c     virtio disks, to swap to or to read
 * hog.c      children that hold memory of known content
 * load.c     loads for demo and benchmarks: memory use over time, reported as lines;
 *            load_options.c reads what they are to do
 * memory.c   known page content, page cache, what the kernel says about memory
 * util.c     files, the kernel command line, the port to the host
 *
 * Functions return 0 or a negative errno unless they say otherwise; outputs have a ret_ prefix
 * and stay untouched on failure.
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_PAGE_BYTES 4096u
#define AGENT_MIB_BYTES	 (1024u * 1024u)

/* Longest request and longest reply, without the line's end. */
#define AGENT_REQUEST_MAX 4096u
#define AGENT_REPLY_MAX	  65536u

/* --- util.c --- */

/* Reads at most size - 1 bytes of a file and ends them with a NUL. */
int file_read(const char *path, char *ret_text, size_t size);
int file_write(const char *path, const char *text);

/* Value of `key=` on the kernel command line, -ENOENT when it is not there. */
int cmdline_get(const char *key, char *ret_value, size_t size);

/* Time since boot without time spent suspended. */
uint64_t now_ms(void);

/*
 * The port to the host. One call of port_send writes one whole line; a newline or a backslash
 * inside the text goes out as \n or \\, so that a reply is always one line.
 */
int port_open(const char *path);
void port_send(const char *text);
void port_sendf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Blocks for the next line; -EMSGSIZE for one longer than size - 1, -EIO when the port ends. */
int port_receive(char *ret_line, size_t size);

/* --- memory.c --- */

/* Known content: no two pages of one seed are alike, so a lost or swapped page is noticed. */
void pattern_fill(void *page, uint64_t index, uint64_t seed);
bool pattern_intact(const void *page, uint64_t index, uint64_t seed);

/* A field of /proc/meminfo, e.g. "MemAvailable"; -ENOENT when the kernel has no such line. */
int meminfo_kib(const char *field, uint64_t *ret_kib);
/* A counter of /proc/vmstat since boot, e.g. "pswpin"; -ENOENT when the kernel has none such. */
int vmstat_counter(const char *name, uint64_t *ret_count);

/* Fills the page cache with at least so much clean, reclaimable memory. */
int cache_fill(uint64_t mib);
/* Likewise with what is on a virtio disk; -EIO when that is smaller, else as disk_find. */
int cache_disk(const char *name, uint64_t mib);

/* --- hog.c --- */

struct hog_result {
	uint64_t pages; /* filled, or checked */
	uint64_t bad_pages; /* content was not what had been written */
	uint64_t took_ms;
};

/* Starts a child that fills so much memory and holds it. -EEXIST, -ENOSPC for the table. */
int hog_start(const char *name, uint64_t mib);
/* Waits until all is filled. -ESRCH no such hog; -ENOMEM when the kernel killed it. */
int hog_wait(const char *name, struct hog_result *ret_result);
/* Verifies every page held; errors as hog_wait. */
int hog_check(const char *name, struct hog_result *ret_result);
/* Ends the child, filled or not; its memory is free when this returns. */
int hog_free(const char *name);
void hog_free_all(void);

/* --- load.c --- */

/* Starts the load `agent.load` asks for, if any, as a child that reports on the port. */
int load_start(void);

/* --- disk.c --- */

/* The device file of a virtio disk, e.g. "vdb". -ENODEV when it does not appear in time. */
int disk_find(const char *name, char *ret_path, size_t size);

/* Swaps to the disk `agent.swap` names, if any. Fails as disk_find and swapon do. */
int swap_start(void);

/* --- command.c --- */

/* Carries out one request, "NUMBER VERB [ARGUMENT...]", and sends its reply. */
void command_run(char *request);

/* Loads NAME (from /lib/modules) or a path, with parameters. -EEXIST when it is loaded. */
int module_insert(const char *module, const char *parameters);

#endif
