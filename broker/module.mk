# SPDX-License-Identifier: Apache-2.0
LIBS += broker
broker_DIRS := broker broker/log broker/coord
broker_USES := base leat
broker_PKGS := zlib liblz4 libzstd
broker_LDLIBS := -lsnappy
