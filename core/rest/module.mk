# SPDX-License-Identifier: Apache-2.0
LIBS += rest
rest_DIRS := core/rest
rest_USES := worker bus record plugin config base leat
rest_PKGS := libmicrohttpd
rest_TEST_PKGS := libcurl
