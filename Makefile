# SPDX-License-Identifier: MIT
# XenGVT. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := all
PRESET ?= release
CXX ?= g++
B := build/$(PRESET)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug := -O0 -g3 -D_GLIBCXX_ASSERTIONS
FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS
FLAGS_tsan := -O1 -g -fsanitize=thread
FLAGS := $(FLAGS_$(PRESET))
ifeq ($(FLAGS),)
$(error PRESET must be release, debug, asan or tsan)
endif
CCACHE := $(shell command -v ccache 2>/dev/null)
COMPILE = $(CCACHE) $(CXX) -std=gnu++20 $(WARN) $(FLAGS) -MMD -MP
CORE := -fno-exceptions -fno-rtti

# Who may include whom: each layer is compiled with a view of the folders it may see, and no other.
VIEWS := hv:hv shadow:hv,shadow mediator:hv,shadow,mediator dom0:hv,shadow,mediator,dom0 \
         model:hv,shadow/gen9,dom0/gpu/device.h,dom0/gpu/model tests:hv,shadow,mediator,dom0,tests
VIEW_STAMP := build/view/.stamp
$(VIEW_STAMP): Makefile
	@rm -rf build/view && mkdir -p build/view
	@for v in $(VIEWS); do l=$${v%%:*}; f=$${v#*:}; \
	  for d in $${f//,/ }; do mkdir -p build/view/$$l/$$(dirname $$d); ln -sfn $(CURDIR)/$$d build/view/$$l/$$d; done; done
	@touch $@

src = $(sort $(shell find $(1) -name '*.cc' $(2) 2>/dev/null))
SRC_hv := $(call src,hv,-not -path 'hv/xen/*')
SRC_shadow := $(call src,shadow)
SRC_mediator := $(call src,mediator)
SRC_model := $(call src,dom0/gpu/model)
SRC_dom0 := $(call src,dom0,-not -path 'dom0/gpu/model/*' -not -path 'dom0/cli/main.cc')
LAYERS := hv shadow mediator model dom0
OPT_hv := $(CORE)
OPT_shadow := $(CORE)
OPT_mediator := $(CORE)
OPT_model := $(CORE)
LIBS := -lboost_program_options -lboost_json -lzstd -lpng -lcrypto

obj = $(patsubst %.cc,$(B)/obj/%.o,$(1))
define layer_rules
$(call obj,$(SRC_$(1))): $(B)/obj/%.o: %.cc $(VIEW_STAMP)
	@mkdir -p $$(@D)
	$$(COMPILE) $(OPT_$(1)) -Ibuild/view/$(1) -c $$< -o $$@
$(B)/lib$(1).a: $(call obj,$(SRC_$(1)))
	@rm -f $$@; ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))
ARCHIVES := $(B)/libdom0.a $(B)/libmediator.a $(B)/libmodel.a $(B)/libshadow.a $(B)/libhv.a

$(B)/obj/dom0/cli/main.o: dom0/cli/main.cc $(VIEW_STAMP)
	@mkdir -p $(@D)
	$(COMPILE) -Ibuild/view/dom0 -c $< -o $@
$(B)/xengvt: $(B)/obj/dom0/cli/main.o $(ARCHIVES)
	$(CXX) $(FLAGS) -o $@ $^ $(LIBS)
build/xengvt: $(B)/xengvt
	@cp -f $< $@

# Unit tests: one program per folder of tests/unit, so that a change rebuilds little.
SUITES := $(notdir $(wildcard tests/unit/*))
define suite_rules
SRC_unit_$(1) := $(call src,tests/unit/$(1) tests/fake)
$(B)/unit-$(1): $$(call obj,$$(SRC_unit_$(1))) $(ARCHIVES)
	$$(CXX) $$(FLAGS) -o $$@ $$^ $$(LIBS) -lgtest -lgtest_main -lpthread
endef
$(foreach s,$(SUITES),$(eval $(call suite_rules,$(s))))
TEST_OBJ := $(call obj,$(call src,tests))
$(TEST_OBJ): $(B)/obj/%.o: %.cc $(VIEW_STAMP)
	@mkdir -p $(@D)
	$(COMPILE) -Ibuild/view/tests -c $< -o $@
unit-%: $(B)/unit-%  ## run the unit tests of one folder: make unit-shadow
	$<

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

all: build/xengvt  ## build build/xengvt
libs: $(ARCHIVES)  ## build the libraries only
lib-%: $(B)/lib%.a  ## build one layer: make lib-shadow
	@:
clean:  ## remove what was built (keeps downloads)
	rm -rf build/release build/debug build/asan build/tsan build/view build/xengvt
help:  ## this list
	@grep -hE '^[a-zA-Z%_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 18
.PHONY: all libs clean help
