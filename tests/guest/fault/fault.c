// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection for tests: makes calls of one kernel function fail when they come from a given
 * module. Distribution kernels are built without the kernel's own fault injection, but with kprobes.
 *
 *   insmod fault.ko symbol=virtqueue_kick retval=1
 *
 * A probe sits on the first instruction of the function. When the module is on the call stack, and
 * after `skip` such calls, the function does not run: the caller gets `retval` at once. That is both
 * a failure (retval=-12) and a loss (a notification that says it was sent). It ends after `times`
 * calls, or with rmmod.
 *
 * The return value goes to the register that returns integers and pointers; x86-64 only. A function
 * that the compiler has inlined cannot be caught, so a test looks at `hits` afterwards.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/module.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <asm/ibt.h>

#ifndef CONFIG_X86_64
#error "fault.ko replaces return values the way x86-64 does"
#endif

/* Frames looked at for the module: deep enough for what a bus does around a driver's call. */
#define STACK_FRAMES 32

static char *symbol;
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol,
		 "Function to fail; of several, separated by commas, the first that exists");

static char *caller = "aerostat";
module_param(caller, charp, 0444);
MODULE_PARM_DESC(caller, "Module whose calls fail");

static long retval;
module_param(retval, long, 0444);
MODULE_PARM_DESC(retval, "What the caller gets instead");

static unsigned int skip;
module_param(skip, uint, 0444);
MODULE_PARM_DESC(skip, "Calls that go through first");

static unsigned int times = UINT_MAX;
module_param(times, uint, 0444);
MODULE_PARM_DESC(times, "Calls that fail then; default: all");

static unsigned int hits;
module_param(hits, uint, 0444);
MODULE_PARM_DESC(hits, "Calls that have failed so far (read only)");

static unsigned int calls;
static DEFINE_RAW_SPINLOCK(count_lock); /* protects calls, hits */

/* Where a caught call goes: back to where it came from. */
void fault_return(void);
asm(".pushsection .text, \"ax\"\n"
    ".type fault_return, @function\n"
    ".globl fault_return\n"
    "fault_return:\n" ASM_ENDBR ASM_RET ".size fault_return, . - fault_return\n"
    ".popsection\n");

/* Whether an address lies in the module `caller`. */
static bool in_caller(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN], *module;
	size_t length = strlen(caller);

	if (address < MODULES_VADDR || address >= MODULES_END)
		return false;
	/* function+offset/size [module] */
	sprint_symbol(name, address);
	module = strrchr(name, '[');
	return module && !strncmp(module + 1, caller, length) && module[length + 1] == ']';
}

static bool from_caller(struct pt_regs *regs)
{
	unsigned long frames[STACK_FRAMES];
	unsigned int i, count = stack_trace_save(frames, STACK_FRAMES, 0);

	/* No frame leads to the immediate caller yet; the return address does. */
	if (in_caller(regs_get_kernel_stack_nth(regs, 0)))
		return true;
	for (i = 0; i < count; i++)
		if (in_caller(frames[i]))
			return true;
	return false;
}

static int caught(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long flags;
	bool fail;

	if (!from_caller(regs))
		return 0;
	raw_spin_lock_irqsave(&count_lock, flags);
	fail = calls++ >= skip && hits < times;
	if (fail)
		hits++;
	raw_spin_unlock_irqrestore(&count_lock, flags);
	if (!fail)
		return 0;
	regs_set_return_value(regs, retval);
	instruction_pointer_set(regs, (unsigned long)fault_return);
	return 1;
}

/* A probe without such a handler may be made a jump, which cannot change where the call goes. */
static void no_jump(struct kprobe *unused, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = { .pre_handler = caught, .post_handler = no_jump };

static int __init fault_init(void)
{
	char *rest = symbol, *name;
	int err = -EINVAL;

	while (rest && (name = strsep(&rest, ","))) {
		probe.symbol_name = name;
		probe.addr = NULL;
		probe.flags = 0;
		err = register_kprobe(&probe);
		if (!err) {
			pr_info("%s returns %ld to %s\n", name, retval, caller);
			return 0;
		}
	}
	pr_err("no such function can be probed (error %d)\n", err);
	return err;
}

static void __exit fault_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_AUTHOR("The Aerostat developers");
MODULE_DESCRIPTION("Fault injection for the tests of aerostat");
MODULE_LICENSE("GPL");
