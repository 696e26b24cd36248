# libleat.a: pure functions behind sdk/include/leat.
LIBS += leat
leat_DIRS := sdk/lib
leat_USES :=
leat_PKGS :=
leat_TEST_USES := testkit

# Modules included later may define this, so it is expanded when it is used.
$(B)/test/sdk/lib/%: UNIT_LDFLAGS = $(MEM_FAIL_LDFLAGS)
