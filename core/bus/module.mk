# SPDX-License-Identifier: Apache-2.0
LIBS += bus
bus_DIRS := core/bus
bus_USES := broker base leat
