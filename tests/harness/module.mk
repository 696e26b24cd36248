LIBS += harness
harness_DIRS := tests/harness
harness_USES := leat
harness_PKGS := libpq libmicrohttpd libcurl cmocka
