# Two programs, their tests, and the checks on both. `make` builds bin/brownout and
# bin/brownout-mock; `make demo` first installs what is missing. CONTRIBUTING.md tells the rest.
#
# MODE is release, asan, tsan or fuzz, each with a folder of its own. What a room may include is what its
# -I shows it: core/ is plain ISO C; build/rooms checks the rest.

MODE   ?= release
OUT    ?= out/$(MODE)
BIN    ?= $(if $(filter release,$(MODE)),bin,$(OUT)/bin)
PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)

# Across files gcc makes the simulator a tenth faster. The objects hold ordinary code too, so tests
# link without it, and quickly.
LTO := $(if $(findstring Free Software Foundation,$(shell $(CC) --version)),-flto=auto -ffat-lto-objects)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes

FLAGS_release := -O2 -g $(LTO)
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
RUNNER_asan   := ASAN_OPTIONS=detect_stack_use_after_return=1
# TSan loses its way when the kernel randomises addresses widely; not every container may turn it off.
RUNNER_tsan    = $(shell setarch -R true 2>/dev/null && echo setarch -R)

SHELL_FLAGS      := -std=c11 -D_GNU_SOURCE -Icore -I. -pthread
FLAGS_core       := -std=c11 -Icore
FLAGS_os         := $(SHELL_FLAGS)
FLAGS_harness    := $(SHELL_FLAGS) -Iharness
FLAGS_mockserver := $(SHELL_FLAGS) -Imockserver
FLAGS_tests      := $(SHELL_FLAGS) -Iharness
FLAGS_bench      := $(SHELL_FLAGS)

# core/ matches regular expressions with PCRE2.
libs = $(shell pkg-config --libs $(1) libpcre2-8) -lm -pthread

FILES   := $(wildcard $(foreach room,core/* os harness mockserver tests/* bench,$(room)/*.[ch]))
objects  = $(patsubst %.c,$(OUT)/%.o,$(filter $(1)/%.c,$(FILES)))
ALL     := $(patsubst %.c,$(OUT)/%.o,$(filter %.c,$(FILES)))
CORE    := $(call objects,core)
OS      := $(call objects,os)
HARNESS := $(filter-out %/main.o,$(call objects,harness))
BENCH   := $(basename $(call objects,bench))

LIBCORE  := $(OUT)/libcore.a
PROGRAMS := $(BIN)/brownout $(BIN)/brownout-mock
TESTS    := $(patsubst %,$(BIN)/%-tests,unit sim loopback)
FUZZERS  := $(basename $(notdir $(wildcard tests/fuzz/*.c)))

FUZZ_SECONDS ?= 60

.PHONY: all demo test check asan tsan lint fuzz bench interop deps install clean purity format objects tidy
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

COMPILE = $(CC) $(FLAGS_$(firstword $(subst /, ,$*))) $(WARNINGS) $(FLAGS_$(MODE)) $(CFLAGS)
LINK    = mkdir -p $(@D) && $(CC) $(FLAGS_$(MODE)) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c $< -o $@

$(LIBCORE): $(CORE) $(wildcard core/*) # the folders, to notice a source that went away
	rm -f $@ && $(AR) rcs $@ $(CORE)

$(BIN)/brownout: $(OUT)/harness/main.o $(HARNESS) $(OS) $(LIBCORE)
	$(LINK) $(call libs,libcurl)

$(BIN)/brownout-mock: $(call objects,mockserver) $(OS) $(LIBCORE)
	$(LINK) $(call libs,libevent libssl libcrypto)

# X_test.c defines X_suite: the list of suites is made from the file names.
$(OUT)/suites/%.c: tests/% build/suites
	@mkdir -p $(@D)
	build/suites tests/$* > $@

$(OUT)/suites/%.o: $(OUT)/suites/%.c
	$(CC) $(FLAGS_tests) $(WARNINGS) $(FLAGS_$(MODE)) $(CFLAGS) -c $< -o $@

# Those files of the mock that touch no system are tested with core/.
$(BIN)/unit-tests: $(call objects,tests/unit) $(patsubst %,$(OUT)/mockserver/%.o,canary hook_box journal_store metrics secrets)
$(BIN)/sim-tests: $(call objects,tests/sim)
$(BIN)/loopback-tests: $(call objects,tests/loopback) $(HARNESS) $(OS)
$(BIN)/loopback-tests: $(OUT)/mockserver/outflow.o $(OUT)/mockserver/patience.o
$(BIN)/loopback-tests: | $(PROGRAMS)
$(BIN)/%-tests: $(OUT)/suites/%.o $(call objects,tests/support) $(LIBCORE)
	$(LINK) -fno-lto $(call libs,cunit libcurl)

run-%: $(BIN)/%-tests
	BROWNOUT_BIN=$(abspath $(BIN)) $(RUNNER_$(MODE)) $<

check: run-unit run-sim purity

# demo, test and bench work before `make deps`: the packages are found by pkg-config in a second make,
# when they are there.
test:
	build/deps programs tests
	$(MAKE) -j$(JOBS) all $(TESTS)
	$(MAKE) check run-loopback

asan:
	$(MAKE) MODE=$@ test

# core/ has no threads: what could race is in the shells.
tsan:
	build/deps programs tests
	$(MAKE) MODE=$@ -j$(JOBS) all out/$@/bin/loopback-tests
	$(MAKE) MODE=$@ run-loopback

# Only the default build is asked: a sanitizer brings symbols of its own.
purity: $(if $(filter release,$(MODE)),$(LIBCORE))
	build/rooms
	$(if $<,build/purity $< build/allowed-symbols)

demo:
	build/deps programs
	$(MAKE) -j$(JOBS) all
	$(BIN)/brownout run scenarios/demo.jsonc

bench:
	build/deps programs bench
	$(MAKE) -j$(JOBS) all $(BENCH)
	bench/run $(OUT)/bench $(BIN)

$(OUT)/bench/driver: $(HARNESS)
$(BENCH): %: %.o $(OS) $(LIBCORE)
	$(LINK) $(call libs,libcurl)

# libFuzzer on every parser of what comes from outside, FUZZ_SECONDS each, JOBS at a time. What it
# finds lies in out/fuzz/found-*; new paths join out/fuzz/corpus (tests/fuzz/README.md).
fuzz:
	build/deps fuzz
	$(MAKE) -j$(JOBS) MODE=fuzz CC=clang $(FUZZERS:%=out/fuzz/bin/%)
	$(MAKE) -j$(JOBS) $(FUZZERS:%=fuzz-%)

fuzz-%:
	build/fuzz $* out/fuzz $(FUZZ_SECONDS)

$(FUZZERS:%=$(OUT)/bin/%): $(OUT)/bin/%: $(OUT)/tests/fuzz/%.o $(LIBCORE)
	$(LINK) -fsanitize=fuzzer $(call libs,libevent libssl libcrypto)

# The admin API is asked through the whole mock.
$(OUT)/bin/admin: $(filter-out %/main.o,$(call objects,mockserver)) $(OS)

# The providers' own SDKs against the mock, and our client against another's: needs the registries of
# Python and Node.
interop:
	build/deps programs interop
	$(MAKE) -j$(JOBS) all
	tests/interop/run $(BIN) out/interop

deps:
	build/deps programs tests lint fuzz bench interop

objects: $(ALL)
tidy: $(ALL:.o=.tidy)

$(OUT)/%.tidy: $(OUT)/%.o .clang-tidy
	clang-tidy --quiet $*.c -- $(FLAGS_$(firstword $(subst /, ,$*))) && touch $@

lint:
	clang-format --dry-run -Werror $(FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=performance,portability -j 2 \
	    $(addprefix --suppress=,nullPointer uninitvar unknownEvaluationOrder) -Icore -I. \
	    $(sort $(dir $(FILES)))
	$(MAKE) -j$(JOBS) objects OUT=out/lint-gcc CC=gcc CFLAGS=-Werror
	$(MAKE) -j$(JOBS) objects tidy OUT=out/lint-clang CC=clang CFLAGS=-Werror

format:
	clang-format -i $(FILES)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/brownout
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	cp -r scenarios $(DESTDIR)$(PREFIX)/share/brownout

clean:
	rm -rf out bin

-include $(ALL:.o=.d)
