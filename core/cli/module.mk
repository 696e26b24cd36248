# SPDX-License-Identifier: Apache-2.0
LIBS += cli
cli_DIRS := core/cli
cli_USES := rest worker bus record plugin config broker base leat

PROGRAMS += leat
leat_bin_SRC := core/main.c
leat_bin_USES := cli
