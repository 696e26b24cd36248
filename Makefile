# SPDX-License-Identifier: Apache-2.0
#
# Leat's one Makefile.  `make help` lists the targets.
#
# It builds by convention: a new source file needs no edit anywhere, a new
# folder adds a module.mk that only sets the variables below.  Paths are
# written from the root of the tree.  Folders that do not exist yet, and
# libraries that nobody declared yet, are simply left out.
#
#   A static library (one per layer; its name must stand in LIB_ORDER below):
#     LIBS        += broker
#     broker_DIRS := broker broker/log broker/coord
#     broker_USES := base leat            libraries it may include and link
#     broker_PKGS := zlib liblz4 libzstd  pkg-config packages
#     broker_LDLIBS := -lsnappy           what has no pkg-config file
#     broker_CPPFLAGS :=                  rarely needed
#   All *.c of the DIRS belong to it, except test_*.c and fuzz_*.c.
#
#   Unit tests: every test_*.c in the DIRS of a library or plugin is one CMocka
#   program, linked with that library, all it uses, `harness` and cmocka.
#     broker_TEST_USES := testkit         more libraries, for its tests only
#     broker_TEST_PKGS := libcurl         more packages, for its tests only
#
#   A program (static libraries only, no exported symbols):
#     PROGRAMS      += leat
#     leat_bin_SRC  := core/main.c
#     leat_bin_USES := cli rest worker bus record plugin config broker base leat
#
#   A plugin, build/<mode>/plugins/leat-postgres.so:
#     PLUGINS            += leat-postgres
#     leat-postgres_DIRS := connectors/postgres    (or _SRC := one/file.c)
#     leat-postgres_PKGS := libpq
#   It is compiled with -Isdk/include only: own headers are found beside the
#   file (#include "decode.h"), the SDK's by <leat/...>.  It links libleat.a
#   and its packages and nothing else, and exports exactly one symbol.
#   TEST_PLUGINS is the same for fixtures of the tests (in test-plugins/, not
#   installed).
#
#   Tests of the whole: each tests/{integration,crash,abi}/test_*.c is one
#   program linked with every library, libpq and libcurl; each fuzz_*.c in
#   tests/fuzz/ (or in a library's DIRS) is a fuzz target with its corpus in
#   tests/fuzz/corpus/<name>/; each tests/bench/*.c is a bench program.
#
# Everything lands in build/<mode>/ (build/<mode>-clang/ with CC=clang):
# lib/ bin/ plugins/ test-plugins/ test/ fuzz/ bench/ obj/.

VERSION := 0.1.0

MODE    ?= debug
PREFIX  ?= /usr/local
DESTDIR ?=

MODES := debug release asan tsan fuzz
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE) is not one of: $(MODES))
endif

# From the lowest layer to the highest; a library may use those before it.
LIB_ORDER := leat testkit base broker config plugin record bus worker rest cli \
	harness

MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --output-sync=target
ifeq ($(findstring j,$(firstword -$(MAKEFLAGS)))$(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
endif

.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---------------------------------------------------------------- compiler

ifeq ($(origin CC),default)
CC := gcc
endif
CC  ?= gcc
ifeq ($(MODE),fuzz)
CC  := clang
endif
ifeq ($(origin AR),default)
AR := ar
endif
PKG_CONFIG ?= pkg-config

CLANG := $(findstring clang,$(notdir $(firstword $(CC))))
B := build/$(MODE)$(if $(filter-out fuzz,$(MODE)),$(CLANG:%=-%))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wformat=2 -Wvla -Wswitch-enum \
	-Wundef -Wwrite-strings -Wcast-qual -Wimplicit-fallthrough \
	-Wmissing-field-initializers -Wno-unused-parameter -Werror
ifeq ($(CLANG),)
WARN += -Wlogical-op -Wduplicated-cond -Wformat-signedness -Wjump-misses-init
else
WARN += -Wcomma -Wunreachable-code-break -Wno-format-nonliteral \
	-Wno-gnu-zero-variadic-macro-arguments
endif

CFLAGS_debug   := -O2 -g
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_fuzz   := -fsanitize=address,undefined

# Everything is position independent and hidden: libleat.a is linked into
# shared objects too, which must not export what they contain.
HOUSE_CFLAGS := -std=c11 -pthread -fPIC -fvisibility=hidden \
	-fno-omit-frame-pointer -fno-strict-aliasing $(WARN) $(CFLAGS_$(MODE)) \
	$(CFLAGS)
ifeq ($(CLANG),)
HOUSE_CFLAGS += -fno-semantic-interposition
endif
HOUSE_CPPFLAGS := -D_GNU_SOURCE -DLEAT_VERSION='"$(VERSION)"' $(CPPFLAGS)
HOUSE_LDFLAGS := -pthread -Wl,--as-needed -Wl,-z,relro,-z,now \
	$(LDFLAGS_$(MODE)) $(LDFLAGS)
# A sanitizer's symbols are resolved in the program that loads the plugin.
NO_UNDEFINED := $(if $(filter asan tsan fuzz,$(MODE)),,-Wl,-z,defs)

# ------------------------------------------------------------ declarations

LIBS :=
PROGRAMS :=
PLUGINS :=
TEST_PLUGINS :=

include $(wildcard $(addsuffix /module.mk,* */* */*/* */*/*/*))

LIBS := $(sort $(LIBS))
PROGRAMS := $(sort $(PROGRAMS))
PLUGINS := $(sort $(PLUGINS))
TEST_PLUGINS := $(sort $(TEST_PLUGINS))

ifneq ($(filter-out $(LIB_ORDER),$(LIBS)),)
$(error not in LIB_ORDER: $(filter-out $(LIB_ORDER),$(LIBS)))
endif

reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) \
	$(firstword $(1)))
LINK_ORDER := $(strip $(call reverse,$(LIB_ORDER)))

# <lib>_ALL: the library and all it uses, through others too.
$(foreach l,$(LIB_ORDER),$(if $(filter $(l),$(LIBS)),$(eval \
	$(l)_ALL := $(sort $(l) $(foreach u,$($(l)_USES),$($(u)_ALL))))))

# The archives, packages and flags for a list of libraries, in link order.
closure  = $(foreach l,$(LINK_ORDER),$(filter $(l),$(foreach u,$(1),$($(u)_ALL))))
archives = $(patsubst %,$(B)/lib/lib%.a,$(call closure,$(1)))
pkgs_of  = $(sort $(foreach l,$(call closure,$(1)),$($(l)_PKGS)))
libs_of  = $(foreach l,$(call closure,$(1)),$($(l)_LDLIBS))
pkg_cflags = $(foreach p,$(sort $(1)),$(PKG_CFLAGS_$(p)))
pkg_libs   = $(foreach p,$(sort $(1)),$(PKG_LIBS_$(p)))

src_of   = $(sort $(if $($(1)_SRC),$($(1)_SRC),$(filter-out \
	$(addsuffix /test_%,$($(1)_DIRS)) $(addsuffix /fuzz_%,$($(1)_DIRS)), \
	$(wildcard $(addsuffix /*.c,$($(1)_DIRS))))))
tests_of = $(sort $(wildcard $(addsuffix /test_*.c,$($(1)_DIRS))))
fuzz_of  = $(sort $(wildcard $(addsuffix /fuzz_*.c,$($(1)_DIRS))))
objs     = $(patsubst %.c,$(B)/obj/%.o,$(1))

WHOLE_PKGS := libpq libcurl cmocka
ALL_PKGS := $(sort $(WHOLE_PKGS) rdkafka $(foreach m,$(LIBS) $(PLUGINS) \
	$(TEST_PLUGINS) $(PROGRAMS:%=%_bin),$($(m)_PKGS) $($(m)_TEST_PKGS)))

# ------------------------------------------------------------ dependencies
#
# build/pkgs.mk holds pkg-config's answers and is the stamp that the system's
# packages are there: make remakes it first (installing what is missing) and
# then reads itself again.

NEED_NO_PKGS := clean help format deps deps-dev tags
ifneq ($(filter-out $(NEED_NO_PKGS),$(or $(MAKECMDGOALS),all)),)
-include build/pkgs.mk
DEPS_KEY := $(shell cksum < .ci/deps) $(ALL_PKGS)
ifneq ($(PKGS_KEY)|$(shell $(PKG_CONFIG) --exists $(ALL_PKGS) 2>&1 || echo no),$(DEPS_KEY)|)
build/pkgs.mk: FORCE
endif
endif

build/pkgs.mk:
	@.ci/deps build
	@mkdir -p build
	@{ echo 'PKGS_KEY := $(DEPS_KEY)'; \
	for p in $(ALL_PKGS); do \
		c=$$($(PKG_CONFIG) --cflags $$p) || exit 1; \
		l=$$($(PKG_CONFIG) --libs $$p) || exit 1; \
		echo "PKG_CFLAGS_$$p := $$c"; echo "PKG_LIBS_$$p := $$l"; \
	done; } > $@.tmp
	@mv $@.tmp $@

FORCE:

# ------------------------------------------------------------------- rules

# Rebuild when the flags change, not only when a file does.
FLAGS_NOW := $(CC) $(HOUSE_CPPFLAGS) $(HOUSE_CFLAGS) $(HOUSE_LDFLAGS)
ifneq ($(filter-out $(NEED_NO_PKGS),$(or $(MAKECMDGOALS),all)),)
ifneq ($(FLAGS_NOW),$(file <$(B)/flags))
$(shell mkdir -p $(B))$(file >$(B)/flags,$(FLAGS_NOW))
endif
endif
$(B)/flags: ;

ifneq ($(V),1)
Q := @
endif
say = $(if $(Q),@echo '  $(1)  $(patsubst $(B)/%,%,$@)')

# UNIT_CPPFLAGS is set per library or plugin, on its objects.
$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC    )
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOUSE_CPPFLAGS) $(UNIT_CPPFLAGS) $(HOUSE_CFLAGS) -MMD -MP \
		-c -o $@ $<
	@echo '$(UNIT_CPPFLAGS)' > $(@:.o=.inc)

# An object is remade when a header changes, so its file needs a look then.
$(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy
	$(call say,TIDY  )
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=c11 $(HOUSE_CPPFLAGS) \
		$$(cat $(B)/obj/$*.inc) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

define archive
$(call say,AR    )
@mkdir -p $(@D)
@rm -f $@
$(Q)$(AR) rcsD $@ $(filter %.o,$^)
endef

define link
$(call say,LD    )
@mkdir -p $(@D)
$(Q)$(CC) -pie $(HOUSE_LDFLAGS) $(UNIT_LDFLAGS) -o $@ $(filter %.o,$^) \
	$(filter %.a,$^) $(UNIT_LDLIBS)
endef

define shared
$(call say,SO    )
@mkdir -p $(@D)
$(Q)$(CC) -shared $(HOUSE_LDFLAGS) -Wl,--exclude-libs,ALL $(NO_UNDEFINED) \
	-o $@ $(filter %.o,$^) $(filter %.a,$^) $(UNIT_LDLIBS)
endef

ROOT_INC := -I. -Isdk/include

ALL_SRC :=
UNIT_TESTS :=
FUZZERS :=

# $(1) program, $(2) source, $(3) libraries, $(4) packages, $(5) more objects,
# $(6) more link flags: a program from one source file of ours
define program_rule
ALL_SRC += $(2)
$$(call objs,$(2)): UNIT_CPPFLAGS := $(ROOT_INC) \
	$(call pkg_cflags,$(4) $(call pkgs_of,$(3)))
$(1): UNIT_LDLIBS := $(6) $(call libs_of,$(3)) \
	$(call pkg_libs,$(4) $(call pkgs_of,$(3)))
$(1): $$(call objs,$(2)) $(5) $(call archives,$(3))
	$$(link)
endef

test_prog = $(patsubst %.c,$(B)/test/%,$(1))
fuzz_prog = $(patsubst %.c,$(B)/fuzz/%,$(notdir $(1)))
FUZZ_MAIN := $(if $(filter fuzz,$(MODE)),,$(B)/obj/tests/fuzz/replay.o)
FUZZ_LINK := $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer)

# $(1) module, $(2) libraries of its tests, $(3) packages, $(4) more objects
define tests_rule
$(foreach s,$(call tests_of,$(1)),$(eval UNIT_TESTS += $(call test_prog,$(s)))\
$(eval $(call program_rule,$(call test_prog,$(s)),$(s),$(2),cmocka $(3),$(4))))
$(foreach s,$(call fuzz_of,$(1)),$(eval FUZZERS += $(call fuzz_prog,$(s)))\
$(eval $(call program_rule,$(call fuzz_prog,$(s)),$(s),$(2),$(3),$(4) \
	$(FUZZ_MAIN),$(FUZZ_LINK))))
endef

define lib_rule
ALL_SRC += $(call src_of,$(1))
$$(call objs,$(call src_of,$(1))): UNIT_CPPFLAGS := $(ROOT_INC) \
	$($(1)_CPPFLAGS) $(call pkg_cflags,$(call pkgs_of,$(1)))
$(B)/lib/lib$(1).a: $$(call objs,$(call src_of,$(1)))
	$$(archive)
$(call tests_rule,$(1),$(1) harness $($(1)_TEST_USES),$($(1)_TEST_PKGS))
endef

# $(1) plugin, $(2) folder of the result
define plugin_rule
ALL_SRC += $(call src_of,$(1))
$$(call objs,$(call src_of,$(1))): UNIT_CPPFLAGS := -Isdk/include \
	$($(1)_CPPFLAGS) $(call pkg_cflags,$($(1)_PKGS))
$(B)/$(2)/$(1).so: UNIT_LDLIBS := $($(1)_LDLIBS) $(call pkg_libs,$($(1)_PKGS))
$(B)/$(2)/$(1).so: $$(call objs,$(call src_of,$(1))) $(call archives,leat)
	$$(shared)
$(call tests_rule,$(1),harness testkit leat $($(1)_TEST_USES),$($(1)_PKGS) \
	$($(1)_TEST_PKGS),$(call objs,$(call src_of,$(1))))
endef

$(foreach l,$(LIBS),$(eval $(call lib_rule,$(l))))
$(foreach p,$(PLUGINS),$(eval $(call plugin_rule,$(p),plugins)))
$(foreach p,$(TEST_PLUGINS),$(eval $(call plugin_rule,$(p),test-plugins)))

LIB_FILES := $(LIBS:%=$(B)/lib/lib%.a)
HAVE_PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard $($(p)_bin_SRC)),$(p)))
PROGRAM_FILES := $(HAVE_PROGRAMS:%=$(B)/bin/%)
PLUGIN_FILES := $(PLUGINS:%=$(B)/plugins/%.so)
TEST_PLUGIN_FILES := $(TEST_PLUGINS:%=$(B)/test-plugins/%.so)

$(foreach p,$(HAVE_PROGRAMS),$(eval $(call program_rule,$(B)/bin/$(p),\
	$($(p)_bin_SRC),$($(p)_bin_USES),$($(p)_bin_PKGS),,$($(p)_bin_LDLIBS))))

whole = $(sort $(wildcard tests/$(1)/test_*.c))
INTEGRATION_TESTS := $(call test_prog,$(call whole,integration))
CRASH_TESTS := $(call test_prog,$(call whole,crash))
POSTGRES_TESTS := $(filter $(B)/test/tests/integration/test_postgres_% \
	%/test_doctor,$(INTEGRATION_TESTS)) $(patsubst %,$(B)/test/tests/crash/%,\
	test_kill_worker test_kill_snapshot test_kill_incremental)
ABI_TESTS := $(call test_prog,$(call whole,abi))
$(foreach s,$(foreach d,integration crash abi,$(call whole,$(d))),\
	$(eval $(call program_rule,$(call test_prog,$(s)),$(s),$(LIBS),$(WHOLE_PKGS))))

WHOLE_FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZERS += $(call fuzz_prog,$(WHOLE_FUZZ))
$(foreach s,$(WHOLE_FUZZ),$(eval $(call program_rule,$(call fuzz_prog,$(s)),\
	$(s),$(filter-out harness,$(LIBS)),,$(FUZZ_MAIN),$(FUZZ_LINK))))
$(B)/obj/tests/fuzz/replay.o: UNIT_CPPFLAGS := $(ROOT_INC)
ALL_SRC += $(wildcard tests/fuzz/replay.c)

bench_kafka_PKGS := rdkafka
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH_FILES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))
$(foreach s,$(BENCH_SRC),$(eval $(call program_rule,\
	$(patsubst tests/bench/%.c,$(B)/bench/%,$(s)),$(s),$(LIBS),\
	$(WHOLE_PKGS) $($(basename $(notdir $(s)))_PKGS))))

# Programs that the tests run as clients of the Kafka port.
CLIENT_SRC := $(sort $(wildcard tests/clients/*.c))
CLIENT_FILES := $(patsubst tests/clients/%.c,$(B)/clients/%,$(CLIENT_SRC))
$(foreach s,$(CLIENT_SRC),$(eval $(call program_rule,\
	$(patsubst tests/clients/%.c,$(B)/clients/%,$(s)),$(s),leat,rdkafka)))

-include $(patsubst %.o,%.d,$(call objs,$(ALL_SRC)))

# ----------------------------------------------------------------- targets

PRODUCT := $(LIB_FILES) $(PROGRAM_FILES) $(PLUGIN_FILES)
TESTS := $(UNIT_TESTS) $(ABI_TESTS) $(INTEGRATION_TESTS) $(CRASH_TESTS)

.PHONY: all deps deps-dev tests demo test test-unit test-integration \
	test-crash test-fuzz test-abi chaos-cdc check-java check-debezium check-postgres check-long lint \
	tidy format bench install \
	uninstall clean help FORCE

ifeq ($(MODE),fuzz)
all: $(FUZZERS) ## build the program, the plugins and the libraries
else
all: $(PRODUCT)
endif

tests: $(PRODUCT) $(TESTS) $(FUZZERS) $(TEST_PLUGIN_FILES) $(CLIENT_FILES) ## build the tests, do not run them

deps: ## install the Debian packages that the build and the tests need
	@.ci/deps build

deps-dev: ## install also what lint, the sanitizers and fuzzing need
	@.ci/deps build dev

# `+` lets the progress through as it comes, in spite of --output-sync.
RUN = +@LEAT_BUILD=$(abspath $(B)) TEST_FILTER='$(TEST_FILTER)' tests/run
FOR_TESTS := $(PRODUCT) $(TEST_PLUGIN_FILES) $(CLIENT_FILES)

test: tests ## run all tests (MODE=asan, MODE=tsan: under a sanitizer)
	$(RUN) $(TESTS) $(addprefix replay:,$(FUZZERS))

test-unit: $(UNIT_TESTS) $(PLUGIN_FILES) $(TEST_PLUGIN_FILES) ## run the unit tests
	$(RUN) $(UNIT_TESTS)

test-integration: $(INTEGRATION_TESTS) $(ABI_TESTS) $(FOR_TESTS) ## run the tests against real servers
	$(RUN) $(ABI_TESTS) $(INTEGRATION_TESTS)

test-crash: $(CRASH_TESTS) $(FOR_TESTS) ## run the crash tests (the short round)
	$(RUN) $(CRASH_TESTS)

test-abi: $(ABI_TESTS) $(FOR_TESTS) ## run the plugin ABI tests
	$(RUN) $(ABI_TESTS)

test-fuzz: $(FUZZERS) ## replay the fuzz corpus
	$(RUN) $(addprefix replay:,$(FUZZERS))

MINUTES ?= 60
SEED ?= 1
chaos-cdc: $(B)/test/tests/crash/test_chaos_cdc $(FOR_TESTS) ## PostgreSQL capture under random failures: MINUTES=60 SEED=1
	+@LEAT_BUILD=$(abspath $(B)) LEAT_CHAOS_MINUTES=$(MINUTES) \
		LEAT_SEED=$(SEED) TEST_TIMEOUT=$$(($(MINUTES) * 120 + 900)) \
		tests/run -v $<

check-java: $(PRODUCT) ## Apache Kafka's own tools against the Kafka port
	+@LEAT_BUILD=$(abspath $(B)) tests/java/run
	+@LEAT_BUILD=$(abspath $(B)) tests/java/adopt

check-postgres: $(POSTGRES_TESTS) $(FOR_TESTS) ## postgres-source against PostgreSQL 16, 17 and 18
	+@LEAT_BUILD=$(abspath $(B)) TEST_FILTER='$(TEST_FILTER)' \
		tests/postgres/run $(POSTGRES_TESTS)

check-debezium: $(PRODUCT) ## a real Debezium beside postgres-source, record by record
	+@LEAT_BUILD=$(abspath $(B)) CASES='$(CASES)' tests/debezium/run

check-long: ## crash matrix, fuzzing, valgrind: an hour and more
	+@tests/long

lint: deps-dev $(PRODUCT) ## layers, style, exported symbols, format, clang-tidy
	+@LEAT_BUILD=$(B) MAKE=$(MAKE) tests/lint/run

tidy: $(patsubst %.c,$(B)/tidy/%.ok,$(filter-out tests/%,$(sort $(ALL_SRC)))) ## clang-tidy alone

format: ## apply clang-format to the tree
	@tests/lint/format --apply

tags: ; @ctags -R --exclude=build .

clean: ## remove build/
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		awk -F'|' '{ printf "%-24s %s\n", $$1, $$2 }'
	@echo 'MODE=$(MODES: =|) (now $(MODE)), CC=gcc|clang, V=1 prints commands'

# What is for use rather than for work on it is built in release mode.
ifeq ($(origin MODE),file)
demo bench install: FORCE
	+@$(MAKE) --no-print-directory MODE=release $@
else

demo: $(PRODUCT) $(B)/bench/receiver ## show it working, from an empty directory to a running pipeline
	+@LEAT_BUILD=$(abspath $(B)) tests/demo/run

bench: $(PRODUCT) $(BENCH_FILES) ## measure, as ratios against the limits of the machine
	+@LEAT_BUILD=$(abspath $(B)) tests/bench/run

D := $(DESTDIR)$(PREFIX)
install: $(PRODUCT) ## install into DESTDIR/PREFIX
	install -d $(D)/bin $(D)/lib/leat/plugins $(D)/lib/pkgconfig \
		$(D)/include/leat $(D)/share/leat
	$(foreach p,$(PROGRAM_FILES),install -m 755 $(p) $(D)/bin/ &&) true
	$(foreach p,$(PLUGIN_FILES),install -m 644 $(p) $(D)/lib/leat/plugins/ &&) true
	install -m 644 $(wildcard sdk/include/leat/*.h) $(D)/include/leat/
	install -m 644 $(B)/lib/libleat.a $(D)/lib/
	install -m 644 $(B)/lib/libtestkit.a $(D)/lib/libleat-testkit.a
	$(foreach p,leat leat-testkit,sed -e 's|@PREFIX@|$(PREFIX)|' \
		-e 's|@VERSION@|$(VERSION)|' sdk/$(p).pc.in \
		> $(D)/lib/pkgconfig/$(p).pc &&) true
	$(foreach m,$(wildcard docs/man/*.[1-9]),install -D -m 644 $(m) \
		$(D)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)) &&) true
	if [ -d configs ]; then cp -R configs $(D)/share/leat/; fi
	install -D -m 644 configs/leat.bash-completion \
		$(D)/share/bash-completion/completions/leat
	if [ -f configs/leat.service ]; then install -d $(D)/lib/systemd/system && \
		sed 's|@PREFIX@|$(PREFIX)|' configs/leat.service \
		> $(D)/lib/systemd/system/leat.service && \
		install -D -m 644 configs/leat.sysusers $(D)/lib/sysusers.d/leat.conf; fi
endif

uninstall: D := $(DESTDIR)$(PREFIX)
uninstall: ## remove what install put there
	rm -f $(D)/bin/leat $(D)/lib/libleat.a $(D)/lib/libleat-testkit.a \
		$(D)/lib/pkgconfig/leat.pc $(D)/lib/pkgconfig/leat-testkit.pc \
		$(D)/lib/systemd/system/leat.service \
		$(D)/lib/sysusers.d/leat.conf \
		$(D)/share/bash-completion/completions/leat
	rm -rf $(D)/lib/leat $(D)/include/leat $(D)/share/leat
	rm -f $(patsubst docs/man/%,$(D)/share/man/man*/%,$(wildcard docs/man/*.[1-9]))
