// SPDX-License-Identifier: GPL-2.0
/* Payloads of taskstats, as some future kernel might send them. */
#include "fuzz.h"

#include "source/delays.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delays delays = { .cpu_ns = opt_some(4711) };
	bool accounted = size && data[0] & 1;
	void *exact;

	if (!size)
		return 0;
	/* In a block of exactly this size, so that reading beyond it is noticed. */
	exact = malloc(size > 1 ? size - 1 : 1);
	must(exact);
	memcpy(exact, data + 1, size - 1);
	if (delays_parse(exact, size - 1, accounted, &delays)) {
		must(opt_or(delays.cpu_ns, 0) == 4711);
		must(!delays.swap_in_ns.known);
	} else {
		must(delays.cpu_ns.known);
		must(delays.swap_in_ns.known == accounted);
		must(delays.thrashing_ns.known == accounted);
	}
	free(exact);
	return 0;
}
