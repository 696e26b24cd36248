# libtestkit.a: a fake host and the conformance checks, for tests of connectors
# and for `leat plugin test`.
LIBS += testkit
testkit_DIRS := sdk/testkit
testkit_USES := leat
testkit_PKGS :=

# For test programs that use sdk/testkit/mem_fail.h.
MEM_FAIL_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free \
	-Wl,--undefined=__wrap_malloc
