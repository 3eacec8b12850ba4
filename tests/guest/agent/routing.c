// SPDX-License-Identifier: GPL-2.0
/*
 * See routing.h. The registers are PIRQRCA to PIRQRCD of the bridge to ISA (Intel 82371SB, 2.5.10); with
 * the highest bit set a link leads nowhere.
 */
#include "routing.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BRIDGE	  "/sys/bus/pci/devices/0000:00:01.0/config"
#define BRIDGE_ID "\x86\x80\x00\x70"
#define LINKS	  0x60
#define NOWHERE	  0x80

void routing_read(struct routing *ret_routing)
{
	int fd = open(BRIDGE, O_RDONLY | O_CLOEXEC);
	char id[sizeof(BRIDGE_ID) - 1];

	ret_routing->known = false;
	if (fd < 0)
		return;
	if (pread(fd, id, sizeof(id), 0) == sizeof(id) && memcmp(id, BRIDGE_ID, sizeof(id)) == 0 &&
	    pread(fd, ret_routing->links, sizeof(ret_routing->links), LINKS) ==
		    sizeof(ret_routing->links))
		ret_routing->known = true;
	close(fd);
}

void routing_mend(const struct routing *before)
{
	struct routing now;
	int fd;

	routing_read(&now);
	if (!before->known || !now.known)
		return;
	fd = open(BRIDGE, O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && i < sizeof(now.links); i++) {
		if (!(now.links[i] & NOWHERE) || before->links[i] & NOWHERE)
			continue;
		if (pwrite(fd, &before->links[i], 1, LINKS + (off_t)i) != 1)
			break;
	}
	if (fd >= 0)
		close(fd);
}
