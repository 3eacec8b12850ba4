/* SPDX-License-Identifier: GPL-2.0 */
/* What the service manager is told; without one, nothing happens. From the owner's thread. */
#ifndef AEROSTAT_PUBLISH_SERVICE_H
#define AEROSTAT_PUBLISH_SERVICE_H

void service_ready(void); /* in control; said once, however often it is called */

/* Before and after reading the configuration again. */
void service_reloading(void);
void service_reloaded(void);

void service_stopping(void);

/* The line that `systemctl status` shows. */
__attribute__((__format__(__printf__, 1, 2))) void service_status(const char *format, ...);

#endif
