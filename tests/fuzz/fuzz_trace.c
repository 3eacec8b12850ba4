// SPDX-License-Identifier: GPL-2.0
/* Traces for the simulator, which may come from anywhere. */
#include "fuzz.h"

#include "sim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_error error = { .text = "" };
	struct trace *trace;
	FILE *file;
	int ret;

	if (!size)
		return 0; /* fmemopen() takes no empty buffer */
	file = fmemopen((void *)(uintptr_t)data, size, "r");
	must(file);
	ret = trace_read(file, "trace.csv", &trace, &error);
	fclose(file);
	must_be_said(error.text, sizeof(error.text), ret);
	if (ret)
		return 0;
	must(trace->n_vms);
	must(trace_duration_s(trace) > 0);
	for (size_t i = 0; i < trace->n_vms; i++) {
		const struct trace_vm *vm = &trace->vms[i];

		must(vm->n_samples && vm->provisioned_mib >= 1);
		for (size_t k = 0; k < vm->n_samples; k++)
			must(!(vm->used_mib[k] < 0) && !(vm->used_mib[k] > TRACE_SIZE_MAX_MIB));
	}
	trace_free(trace);
	return 0;
}
