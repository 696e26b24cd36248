# libleat.a: pure functions behind sdk/include/leat.
LIBS += leat
leat_DIRS := sdk/lib
leat_USES :=
leat_PKGS :=
