# SPDX-License-Identifier: GPL-2.0
# Aerostat: every way in. Each target delegates; `make help` lists them from the ## comments.

KVER ?= $(shell uname -r)

.DEFAULT_GOAL := all
.PHONY: help all bootstrap kernels kmod hostd check check-style style check-unit fuzz check-guest \
	check-e2e check-debug check-small check-64k check-rt check-stress check-packages chaos \
	bench-policy bench-daemon bench-kmod bench-live demo pictures install deb clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  KVER=RELEASE   the kernel that kmod is built for (default: the running one)"
	@echo "  SANITIZE=1     build the host side with ASan and UBSan, in build/hostd-sanitize"
	@echo "  SANITIZE=thread  with TSan, in build/hostd-thread"

all: hostd ## build the daemon, the tool, and the module for the running kernel
	@scripts/kmod-build $(KVER) || { [ $$? -eq 3 ] && \
		echo "aerostat.ko not built: no headers of kernel $(KVER) here (see make kmod)"; }

bootstrap: ## install what is missing from Debian's packages
	@scripts/bootstrap

kernels: bootstrap ## download and unpack the guest kernels, 6.1 and 6.12, under build/
	@scripts/guest-kernel

kmod: ## build build/kmod/$(KVER)/aerostat.ko
	@scripts/kmod-build $(KVER)

hostd: ## build build/hostd/aerostatd and build/hostd/aerostatctl
	@$(MAKE) --no-print-directory -C hostd

check: ## run every test, on all that it needs; ends with "N passed, N failed, N skipped"
	@scripts/check style unit guest fuzz e2e chaos

check-style style: ## formatting, shellcheck, cppcheck, sparse, layout
	@scripts/check style

check-unit: ## unit tests of the host side, under sanitizers
	@scripts/check unit

check-guest: ## the module in QEMU guests, on both kernels
	@scripts/check guest

check-debug: ## the module in a kernel with KASAN, lockdep, kmemleak, UBSAN (builds it: 20 min.)
	@scripts/bootstrap
	@scripts/source-kernel debug
	@tests/guest/check --kernel debug

check-small: ## the module in a guest of 64 MiB, with a kernel that fits (builds it: 5 min.)
	@scripts/bootstrap
	@scripts/source-kernel small
	@tests/guest/check --kernel "small=tiny/*"

check-64k: ## the module in arm64 guests whose pages have 64 KiB, emulated (builds a kernel: 10 min.)
	@scripts/bootstrap arm64
	@scripts/source-kernel 64k
	@tests/guest/check --kernel 64k

check-rt: ## the module in a kernel with PREEMPT_RT
	@scripts/bootstrap
	@scripts/guest-kernel rt
	@tests/guest/check --kernel rt

check-stress: ## a thousand random targets under load, on both kernels
	@scripts/bootstrap
	@tests/guest/check --filter "stress*/*" --stress 1000

check-packages: ## both packages in a Debian with systemd of their own, half an hour
	@scripts/bootstrap deb system
	@tests/packages/check

fuzz: ## fuzz the readers of what others write (TIME=60: seconds each)
	@scripts/bootstrap
	@tests/fuzz/check --time $(or $(TIME),60)

check-e2e: ## daemon, libvirt, QEMU and module together
	@scripts/check e2e

chaos: ## faults for ten minutes, two in `check`: hung QEMUs, dying daemons, ... (TIME=600 SEED=N)
	@scripts/bootstrap
	@tests/chaos/run $(if $(TIME),--time $(TIME)) $(if $(SEED),--seed $(SEED))

demo: ## three guests, one daemon: watch memory move (about three minutes)
	@scripts/bootstrap
	@scripts/demo

pictures: hostd ## make the README's pictures again, from a run of the demo (about four minutes)
	@scripts/bootstrap pictures
	@scripts/pictures

bench-policy: ## how long one decision takes, for 100 and for 10,000 VMs
	@$(MAKE) --no-print-directory -C tests/bench run

bench-daemon: hostd ## the daemon's cost with 1000 VMs, and sampling 50 QEMUs against one bulk call
	@scripts/bootstrap
	@tests/bench/daemon/run

bench-kmod: ## the guest module against the stock driver (SERIES=6.12 RUNS=5 QUICK=1)
	@scripts/bootstrap
	@tests/bench/kmod/run $(if $(QUICK),--quick) $(SERIES:%=--kernel %) $(if $(RUNS),--rounds $(RUNS))

bench-live: ## three guests with offset peaks: without balloon, reporting only, aerostatd (RUNS=3)
	@scripts/bootstrap
	@tests/bench/live/run $(if $(RUNS),--rounds $(RUNS))

# Relative directories are seen from here, not from hostd/.
install: hostd ## install the host side; DESTDIR= and PREFIX= as usual
	@$(MAKE) --no-print-directory -C hostd install \
		$(if $(DESTDIR),DESTDIR=$(abspath $(DESTDIR))) $(if $(PREFIX),PREFIX=$(abspath $(PREFIX)))

deb: ## build the packages aerostatd and aerostat-dkms, build/deb/*.deb
	@scripts/bootstrap deb
	@scripts/deb

clean: ## remove all that was built, but for the downloaded kernels
	@find build -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} + 2>/dev/null || true
