# Two programs, their tests, and the checks on both. `make` builds bin/brownout and
# bin/brownout-mock; `make demo` first installs what is missing. CONTRIBUTING.md tells the rest.
#
# MODE is release, asan or tsan, each with a folder of its own. What a room may include is what its
# -I shows it: core/ is plain ISO C, and neither program sees the other's headers by a bare name.

MODE   ?= release
OUT    ?= out/$(MODE)
BIN    ?= $(if $(filter release,$(MODE)),bin,$(OUT)/bin)
PREFIX ?= /usr/local

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes

FLAGS_release := -O2 -g
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fsanitize=thread
# TSan loses its way when the kernel randomises addresses widely; not every container may turn it off.
RUNNER_tsan    = $(shell setarch -R true 2>/dev/null && echo setarch -R)

SHELL_FLAGS      := -std=c11 -D_GNU_SOURCE -Icore -I. -pthread
FLAGS_core       := -std=c11 -Icore
FLAGS_os         := $(SHELL_FLAGS)
FLAGS_harness    := $(SHELL_FLAGS) -Iharness
FLAGS_mockserver := $(SHELL_FLAGS) -Imockserver
FLAGS_tests      := $(SHELL_FLAGS) -Iharness -Itests
FLAGS_bench      := $(SHELL_FLAGS)
LIBS_harness      = $(shell pkg-config --libs libcurl libcjson) -lm -pthread
LIBS_mockserver   = $(shell pkg-config --libs libevent) -lm -pthread
LIBS_tests        = $(shell pkg-config --libs cunit) -lm -pthread

objects  = $(patsubst %.c,$(OUT)/%.o,$(wildcard $(1)))
CORE    := $(call objects,core/*/*.c)
OS      := $(call objects,os/*.c)
HARNESS := $(call objects,harness/*.c)
MOCK    := $(call objects,mockserver/*.c)
SUPPORT := $(call objects,tests/support/*.c)
UNIT    := $(call objects,tests/unit/*.c)
SIM     := $(call objects,tests/sim/*.c)
LOOP    := $(call objects,tests/loopback/*.c)
BENCH   := $(call objects,bench/*.c)
ALL     := $(CORE) $(OS) $(HARNESS) $(MOCK) $(SUPPORT) $(UNIT) $(SIM) $(LOOP) $(BENCH)
SOURCES := $(wildcard $(foreach room,core/* os harness mockserver tests/* bench,$(room)/*.[ch]))

LIBCORE  := $(OUT)/libcore.a
PROGRAMS := $(if $(HARNESS),$(BIN)/brownout) $(if $(MOCK),$(BIN)/brownout-mock)

.PHONY: all demo test check asan tsan lint bench deps install clean purity format objects tidy
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

COMPILE = $(CC) $(FLAGS_$(firstword $(subst /, ,$*))) $(WARNINGS) $(FLAGS_$(MODE)) $(CFLAGS)
LINK    = $(CC) $(FLAGS_$(MODE)) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c $< -o $@

$(LIBCORE): $(CORE) $(wildcard core/*) # the folders, to notice a source that went away
	rm -f $@ && $(AR) rcs $@ $(CORE)

$(BIN)/brownout: $(HARNESS) $(OS) $(LIBCORE)
	@mkdir -p $(@D)
	$(LINK) $(LIBS_harness)

$(BIN)/brownout-mock: $(MOCK) $(OS) $(LIBCORE)
	@mkdir -p $(@D)
	$(LINK) $(LIBS_mockserver)

# X_test.c defines X_suite: the list of suites is made from the file names.
$(OUT)/suites/%.c: tests/% build/suites
	@mkdir -p $(@D)
	build/suites tests/$* > $@

$(OUT)/suites/%.o: $(OUT)/suites/%.c
	$(CC) $(FLAGS_tests) $(WARNINGS) $(FLAGS_$(MODE)) $(CFLAGS) -c $< -o $@

$(BIN)/unit-tests: $(UNIT)
$(BIN)/sim-tests: $(SIM)
$(BIN)/loopback-tests: $(LOOP) $(filter-out %/main.o,$(HARNESS)) $(OS) | $(PROGRAMS)
$(BIN)/loopback-tests: LIBS_tests += $(LIBS_harness)
$(BIN)/%-tests: $(OUT)/suites/%.o $(SUPPORT) $(LIBCORE)
	@mkdir -p $(@D)
	$(LINK) $(LIBS_tests)

run-%: $(BIN)/%-tests
	BROWNOUT_BIN=$(abspath $(BIN)) $(RUNNER_$(MODE)) $<

check: $(if $(UNIT),run-unit) $(if $(SIM),run-sim) purity
test: check $(if $(LOOP),run-loopback)

asan tsan:
	$(MAKE) MODE=$@ test

# Only the default build is asked: a sanitizer brings symbols of its own.
purity: $(if $(filter release,$(MODE)),$(LIBCORE))
	build/rooms
	$(if $<,build/purity $< build/allowed-symbols)

# The packages are found by pkg-config in the second make, when they are there.
demo:
	build/deps programs
	$(MAKE) all
	$(BIN)/brownout run scenarios/demo.jsonc

bench:
	build/deps programs bench
	$(MAKE) all $(BENCH:.o=)
	bench/run $(OUT)/bench $(BIN)

$(BENCH:.o=): %: %.o $(OS) $(LIBCORE)
	$(LINK) $(LIBS_harness)

deps:
	build/deps programs tests lint bench

objects: $(ALL)
tidy: $(ALL:.o=.tidy)

$(OUT)/%.tidy: $(OUT)/%.o .clang-tidy
	clang-tidy --quiet $*.c -- $(FLAGS_$(firstword $(subst /, ,$*))) && touch $@

lint:
	clang-format --dry-run -Werror $(SOURCES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=performance,portability -j 2 \
	    $(addprefix --suppress=,nullPointer uninitvar unknownEvaluationOrder) -Icore -I. -Itests \
	    $(sort $(dir $(SOURCES)))
	$(MAKE) objects OUT=out/lint-gcc CC=gcc CFLAGS=-Werror
	$(MAKE) objects tidy OUT=out/lint-clang CC=clang CFLAGS=-Werror

format:
	clang-format -i $(SOURCES)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/brownout
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	cp -r scenarios $(DESTDIR)$(PREFIX)/share/brownout

clean:
	rm -rf out bin

-include $(ALL:.o=.d)
