# SPDX-License-Identifier: Apache-2.0
LIBS += broker
broker_DIRS := broker broker/log broker/coord broker/kafka broker/net
broker_USES := base leat
broker_PKGS := zlib liblz4 libzstd libssl libcrypto
broker_LDLIBS := -lsnappy
broker_TEST_USES := testkit
$(B)/test/broker/log/test_batch_memory: UNIT_LDFLAGS = $(MEM_FAIL_LDFLAGS)
