// SPDX-License-Identifier: GPL-2.0
/* Text of /proc, pressure files and control groups: half of it may be missing, none is trusted. */
#include "fuzz.h"

#include "source/counters.h"
#include "source/psi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "MemTotal", "MemAvailable", "pswpin", "a" };
	char *text = fuzz_text(data, size);
	struct psi psi = psi_parse(text);

	must(opt_or(psi.some_permille, 0) <= 1000);
	must(opt_or(psi.full_permille, 0) <= 1000);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		counters_find(text, keys[i]);
	free(text);
	return 0;
}
