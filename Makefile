# SPDX-License-Identifier: MIT
# XenGVT. `make help` lists what there is; docs/HACKING.md says how it is used.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
PRESET ?= release
CXX ?= g++
ifeq ($(origin CXX),default)
CXX := g++
endif
B := build/$(PRESET)
JOBS ?= $(shell nproc)
prefix ?= /usr/local
# Fixed places: xl.cfg files name the wrapper, and systemd reads units only where it looks for them.
libexec ?= /usr/libexec/xengvt
sysconf ?= /etc
units ?= /lib/systemd/system

# Debian packages. The first list builds and runs XenGVT, the second checks it.
PACKAGES := g++ libboost1.81-dev libboost-json1.81-dev libboost-program-options1.81-dev \
            libzstd-dev libpng-dev libssl-dev libxen-dev
CHECK_PACKAGES := libgtest-dev libgmock-dev libbenchmark-dev clang-format-14 shellcheck man-db zstd

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug := -O0 -g3 -D_GLIBCXX_ASSERTIONS
# No vptr check: the core is built without RTTI.
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS
# TSan does not see fences; those in the driver order writes to the GPU, not between threads.
FLAGS_tsan := -O1 -g -fsanitize=thread -Wno-tsan
FLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
FLAGS := $(FLAGS_$(PRESET))
ifeq ($(FLAGS),)
$(error PRESET must be release, debug, asan or tsan)
endif
ifeq ($(PRESET),fuzz)
CXX := clang++
WARN := -w
endif
CCACHE := $(shell command -v ccache 2>/dev/null)
COMPILE = $(CCACHE) $(CXX) -std=gnu++20 $(WARN) $(FLAGS) -MMD -MP
CORE := -fno-exceptions -fno-rtti
# One short line for each step; V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,echo "  $(1) $@")

# A file that changes only when the text it holds does: what depends on it is rebuilt exactly then.
define stamp_rule
$(1): FORCE
	@mkdir -p $$(@D); echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
endef
$(eval $(call stamp_rule,$(B)/.flags,$(CXX) $(WARN) $(FLAGS) $(CORE)))

# Who may include whom: each layer is compiled with a view of the folders it may see, and no other.
VIEWS := hv:hv xen:hv shadow:hv,shadow mediator:hv,shadow,mediator dom0:hv,shadow,mediator,dom0 \
         model:hv,shadow/gen9,dom0/gpu/device.h,dom0/gpu/model tests:hv,shadow,mediator,dom0,tests
VIEW_STAMP := build/view/.stamp
$(eval $(call stamp_rule,build/.views,$(VIEWS) $(CURDIR)))
$(VIEW_STAMP): build/.views
	@rm -rf build/view && mkdir -p build/view
	@for v in $(VIEWS); do l=$${v%%:*}; f=$${v#*:}; \
	  for d in $${f//,/ }; do mkdir -p build/view/$$l/$$(dirname $$d); ln -sfn $(CURDIR)/$$d build/view/$$l/$$d; done; done
	@touch $@
OBJ_DEPS := $(B)/.flags $(VIEW_STAMP)

src = $(sort $(shell find $(1) -name '*.cc' $(2) 2>/dev/null))
SRC_hv := $(call src,hv,-not -path 'hv/xen/*')
SRC_xen := $(call src,hv/xen)
SRC_shadow := $(call src,shadow)
SRC_mediator := $(call src,mediator)
SRC_model := $(call src,dom0/gpu/model)
SRC_dom0 := $(call src,dom0,-not -path 'dom0/gpu/model/*' -not -name main.cc)
LAYERS := hv xen shadow mediator model dom0
OPT_hv := $(CORE)
OPT_xen := $(CORE)
OPT_shadow := $(CORE)
OPT_mediator := $(CORE)
OPT_model := $(CORE)
LIBS := -lboost_program_options -lboost_json -lzstd -lpng -lcrypto
# Only programs that talk to Xen end up needing these: libxenctrl belongs to one Xen release.
LIBS += -Wl,--as-needed -lxendevicemodel -lxenforeignmemory -lxenevtchn -lxenstore -lxenctrl -lxenguest -Wl,--no-as-needed

obj = $(patsubst %.cc,$(B)/obj/%.o,$(1))
define layer_rules
$(call obj,$(SRC_$(1))): $(B)/obj/%.o: %.cc $(OBJ_DEPS)
	$$(call say,CXX)
	@mkdir -p $$(@D)
	$$(Q)$$(COMPILE) $(OPT_$(1)) -Ibuild/view/$(1) -c $$< -o $$@
$(call stamp_rule,$(B)/.sources-$(1),$(SRC_$(1)))
$(B)/lib$(1).a: $(call obj,$(SRC_$(1))) $(B)/.sources-$(1)
	@rm -f $$@; ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))
ARCHIVES := $(B)/libdom0.a $(B)/libmediator.a $(B)/libmodel.a $(B)/libshadow.a $(B)/libxen.a $(B)/libhv.a

# Programs: NAME:FOLDER, each a main.cc over the libraries.
PROGRAMS := xengvt:dom0/cli xengvtd:dom0/daemon xengvt-dm:dom0/xl xengvt-pci-model:dom0/gpu/proxy
PROGRAM_NAMES := $(foreach p,$(PROGRAMS),$(firstword $(subst :, ,$(p))))
define program_rules
$(B)/obj/$(2)/main.o: $(2)/main.cc $(OBJ_DEPS)
	$$(call say,CXX)
	@mkdir -p $$(@D)
	$$(Q)$$(COMPILE) -Ibuild/view/dom0 -c $$< -o $$@
$(B)/$(1): $(B)/obj/$(2)/main.o $(ARCHIVES)
	$$(call say,LINK)
	$$(Q)$$(CXX) $$(FLAGS) -o $$@ $$^ $$(LIBS) -lpthread
build/$(1): $(B)/$(1)
	@cp -f $$< $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(firstword $(subst :, ,$(p))),$(lastword $(subst :, ,$(p))))))

# Unit tests: one program per folder of tests/unit, so that a change rebuilds little.
SUITES := $(notdir $(wildcard tests/unit/*))
define suite_rules
SRC_unit_$(1) := $(call src,tests/unit/$(1) tests/fake)
$(call stamp_rule,$(B)/.sources-unit-$(1),$$(SRC_unit_$(1)))
$(B)/unit-$(1): $$(call obj,$$(SRC_unit_$(1))) $(B)/.sources-unit-$(1) $(ARCHIVES)
	$$(call say,LINK)
	$$(Q)$$(CXX) $$(FLAGS) -o $$@ $$(filter-out $(B)/.%,$$^) $$(LIBS) -lgtest_main -lgmock -lgtest -lpthread
endef
$(foreach s,$(SUITES),$(eval $(call suite_rules,$(s))))
UNITS := $(SUITES:%=$(B)/unit-%)
unit-%: $(B)/unit-%  ## run the unit tests of one folder: make unit-shadow
	$<

# Benchmarks: one program of all files of tests/bench, always with the fakes at hand.
$(B)/bench: $(call obj,$(call src,tests/bench tests/fake)) $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CXX) $(FLAGS) -o $@ $^ $(LIBS) -lgmock -lgtest -lbenchmark -lpthread

$(B)/bench-sched: $(call obj,$(call src,tests/sched)) $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CXX) $(FLAGS) -o $@ $^ $(LIBS) -lpthread

# Fuzzers: tests/fuzz/NAME_fuzz.cc with LLVMFuzzerTestOneInput, and a plain driver for g++.
FUZZERS := $(patsubst tests/fuzz/%_fuzz.cc,%,$(wildcard tests/fuzz/*_fuzz.cc))
FUZZ_SHARED := $(call obj,$(call src,tests/fuzz,-not -name '*_fuzz.cc' -not -name driver.cc) $(call src,tests/fake))
define fuzz_rules
$(B)/fuzz-$(1): $(call obj,tests/fuzz/$(1)_fuzz.cc tests/fuzz/driver.cc) $(FUZZ_SHARED) $(ARCHIVES)
	$$(call say,LINK)
	$$(Q)$$(CXX) $$(FLAGS) -o $$@ $$^ $$(LIBS) -lgmock -lgtest -lpthread
$(B)/libfuzzer-$(1): $(call obj,tests/fuzz/$(1)_fuzz.cc) $(FUZZ_SHARED) $(ARCHIVES)
	$$(call say,LINK)
	$$(Q)$$(CXX) $$(FLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LIBS) -lgmock -lgtest -lpthread
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rules,$(f))))
FUZZ_PROGRAMS := $(FUZZERS:%=$(B)/fuzz-%)

# The bed: stock Xen under QEMU's emulation. Guest programs are static, so that a guest needs nothing else.
XEN_PACKAGES := qemu-system-x86 cpio kmod e2fsprogs grub-common grub-pc-bin libdrm-dev binutils \
                libegl-dev libgles-dev libgbm-dev
# What Debian builds intel-gpu-tools with, as far as its tests need it.
IGT_PACKAGES := meson ninja-build bison flex dpkg-dev pkg-config libcairo2-dev libdw-dev libkmod-dev libpciaccess-dev \
                libpixman-1-dev libproc2-dev libudev-dev libunwind-dev
GUEST_PROGRAMS := $(patsubst tests/xen/guest/%.cc,build/xen/guest-bin/%,$(wildcard tests/xen/guest/*.cc))
$(GUEST_PROGRAMS): build/xen/guest-bin/%: tests/xen/guest/%.cc $(wildcard tests/xen/guest/*.h) $(OBJ_DEPS)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++20 $(WARN) -O2 -static -Ibuild/view/tests $< -o $@
# A guest without an operating system, in hvmloader's place.
LEAN_GUEST := build/xen/lean.elf
$(LEAN_GUEST): tests/xen/lean/lean.cc $(OBJ_DEPS)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++20 $(filter-out -Wnull-dereference,$(WARN)) -Os -m32 -ffreestanding -fno-exceptions -fno-rtti -fno-pie -no-pie \
	  -fno-stack-protector -fno-threadsafe-statics -fno-asynchronous-unwind-tables -mno-sse -mno-mmx -nostdlib -static \
	  -Wl,-N,-Ttext=0x100000,-e,_start,--build-id=none,--no-warn-rwx-segments $< -o $@
# Reads screenshots of guests' consoles after a run, on this machine.
CONSOLE_READER := build/xen/read-console
$(CONSOLE_READER): $(wildcard tests/xen/console/*) $(OBJ_DEPS)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++20 $(WARN) -O2 -Ibuild/view/tests tests/xen/console/main.cc -o $@ -lpng
# What the bed's stages do in dom0 behind the mediator's back.
POKE := build/release/xen-poke
$(POKE): tests/xen/poke/poke.cc $(OBJ_DEPS)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++20 $(WARN) -O2 $< -o $@ -lxenctrl
# Those for the guests' root are not: Mesa is loaded at run time.
MESA_PROGRAMS := $(patsubst tests/xen/guest/mesa/%.cc,build/xen/guest-bin/%,$(wildcard tests/xen/guest/mesa/*.cc))
$(MESA_PROGRAMS): build/xen/guest-bin/%: tests/xen/guest/mesa/%.cc
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++20 $(WARN) -O2 -I/usr/include/libdrm $< -o $@ -lEGL -lGLESv2 -lgbm -ldrm
GUEST_PROGRAMS += $(MESA_PROGRAMS)

TEST_OBJ := $(call obj,$(call src,tests))
$(TEST_OBJ): $(B)/obj/%.o: %.cc $(OBJ_DEPS)
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Ibuild/view/tests -c $< -o $@

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# Sub-makes run in parallel unless the caller already said how; their output stays in one piece.
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) -Otarget
# build PRESET,TARGETS inside a check: a build that fails closes as a failed check.
build = $(SUBMAKE) PRESET=$(1) $(2) || { echo; echo "FAILED build $(1)"; echo "0 passed, 1 failed"; exit 1; }
RUN_CHECKS := tests/tools/run_checks.sh
# Suites of what has threads; check runs them under TSan too.
THREADED := daemon proxy
SCRIPTS := $(sort $(wildcard tests/cli/*_test.sh))

all: $(PROGRAM_NAMES:%=build/%)  ## build build/xengvt, xengvtd, xengvt-dm and xengvt-pci-model
libs: $(ARCHIVES)  ## build the libraries only
lib-%: $(B)/lib%.a  ## build one layer: make lib-shadow
	@:
units: $(UNITS)  ## build every unit test program of PRESET
fuzzers: $(FUZZ_PROGRAMS)

setup:  ## install the Debian packages that building and checking need
	@tests/tools/setup_packages.sh $(PACKAGES) $(CHECK_PACKAGES)
demo:  ## install, build and run the demo; pictures and figures go to build/demo
	@tests/tools/setup_packages.sh $(PACKAGES)
	@$(SUBMAKE) PRESET=release all
	build/xengvt demo --out build/demo
# The beds go on beside everything after the first build: first with the model in the daemon, then on the bus.
PCI_STAGES := pci pciguests pcifaults
check: setup setup-xen  ## install, build and pass every test, also those with guests on stock Xen
	@$(call build,release,all units $(GUEST_PROGRAMS) $(LEAN_GUEST) $(CONSOLE_READER) $(POKE))
	@JOBS=$(JOBS) $(RUN_CHECKS) --beside tests/xen/run.sh --beside "tests/xen/run.sh $(PCI_STAGES)" tests/tools/lint.sh $(SUITES:%=build/release/unit-%) $(SCRIPTS) \
	  --build tsan "$(THREADED:%=build/tsan/unit-%)" $(THREADED:%=build/tsan/unit-%) \
	  --build asan "build/asan/xengvt units fuzzers" $(SUITES:%=build/asan/unit-%) $(FUZZERS:%=build/asan/fuzz-%) $(SCRIPTS)
bless: all  ## record the golden traces anew, after a wanted change
	@tests/traces/bless.sh
check-quick:  ## lint and the unit tests of the release build; installs nothing
	@$(call build,release,units)
	@$(RUN_CHECKS) tests/tools/lint.sh $(SUITES:%=build/release/unit-%)
check-long: check  ## check, the unit tests under TSan, longer fuzzing, clang-tidy and the benchmarks
	@$(call build,tsan,units)
	@FUZZ_SECONDS=120 $(RUN_CHECKS) tests/tools/tidy.sh $(SUITES:%=build/tsan/unit-%) $(FUZZERS:%=build/asan/fuzz-%)
	@$(SUBMAKE) bench
bench:  ## measure every figure into build/bench.json
	@tests/tools/setup_packages.sh $(PACKAGES) $(CHECK_PACKAGES)
	@$(SUBMAKE) PRESET=release all build/release/bench
	build/release/bench --out build/bench.json
bench-sched:  ## measure the scheduler's figures into build/bench-sched.json and .svg
	@tests/tools/setup_packages.sh $(PACKAGES)
	@$(SUBMAKE) PRESET=release build/release/bench-sched
	build/release/bench-sched
setup-xen: setup  ## install what the bed needs besides
	@tests/tools/setup_packages.sh $(XEN_PACKAGES)
check-xen: setup-xen  ## boot stock Xen and guests under emulation: make check-xen STAGES="boot vgpu"
	@$(call build,release,all $(GUEST_PROGRAMS) $(LEAN_GUEST) $(CONSOLE_READER) $(POKE))
	tests/xen/run.sh $(STAGES)
check-igt: setup-xen  ## IGT's own tests in a guest, built from Debian's sources: make check-igt STAGES=igtkms
	@tests/tools/setup_packages.sh $(IGT_PACKAGES)
	@$(call build,release,all $(GUEST_PROGRAMS) $(LEAN_GUEST) $(CONSOLE_READER))
	tests/xen/igt_tests.sh
	XEN_ROOT_EXTRA=$(CURDIR)/build/xen/igt/extra tests/xen/run.sh $(or $(STAGES),igttests)
xen-shell: setup-xen  ## an interactive dom0 on this terminal; `poweroff -f` leaves it
	@$(SUBMAKE) PRESET=release all $(GUEST_PROGRAMS) $(LEAN_GUEST) $(CONSOLE_READER) $(POKE)
	tests/xen/run.sh --shell
lint:  ## formatting, layering, scripts, man pages
	@$(RUN_CHECKS) tests/tools/lint.sh
format:  ## format every source file in place
	git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-14 -i
fuzz-%:  ## fuzz one target for TIME seconds: make fuzz-scan TIME=60
	@TIME=$(or $(TIME),60) tests/tools/fuzz.sh $*
install: all  ## install below $(DESTDIR)$(prefix); the configuration file only where there is none
	install -D -m 755 build/xengvt $(DESTDIR)$(prefix)/bin/xengvt
	install -D -m 755 build/xengvtd $(DESTDIR)$(prefix)/sbin/xengvtd
	install -D -m 755 build/xengvt-dm $(DESTDIR)$(libexec)/xengvt-dm
	install -d $(foreach s,1 5 8,$(DESTDIR)$(prefix)/share/man/man$(s)) \
	  $(DESTDIR)$(prefix)/share/bash-completion/completions $(DESTDIR)$(sysconf)/xengvt $(DESTDIR)$(units)
	for s in 1 5 8; do install -m 644 docs/man/*.$$s $(DESTDIR)$(prefix)/share/man/man$$s/; done
	install -m 644 dom0/cli/xengvt.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/xengvt
	for s in xengvtd xengvtd-release; do \
	  sed 's|@prefix@|$(prefix)|' dom0/systemd/$$s.service > $(DESTDIR)$(units)/$$s.service; done
	[ -e $(DESTDIR)$(sysconf)/xengvt/xengvtd.conf ] || \
	  install -m 644 dom0/systemd/xengvtd.conf $(DESTDIR)$(sysconf)/xengvt/xengvtd.conf
clean:  ## remove what was built (keeps downloads)
	rm -rf build/release build/debug build/asan build/tsan build/fuzz build/view build/.views build/check $(PROGRAM_NAMES:%=build/%)
help:  ## this list
	@grep -hE '^[a-zA-Z%_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 14
	@echo; echo 'PRESET=release (default), debug, asan or tsan chooses the build; each has its own folder below build/.'
FORCE:
.PHONY: all libs units fuzzers setup demo check bless check-quick check-long bench bench-sched setup-xen check-xen check-igt xen-shell lint format install clean help FORCE
