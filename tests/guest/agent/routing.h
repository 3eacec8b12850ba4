/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where i440FX sends the interrupts of its PCI slots, over a sleep. QEMU resets it, and the kernel is to
 * set it again; the debug kernel does not, for a reason not found, and its devices interrupt no more.
 */
#ifndef AGENT_ROUTING_H
#define AGENT_ROUTING_H

#include <stdbool.h>

struct routing {
	bool known; /* the machine is such a one */
	unsigned char links[4];
};

void routing_read(struct routing *ret_routing);
/* After the sleep: as before, if it leads nowhere now. */
void routing_mend(const struct routing *before);

#endif
