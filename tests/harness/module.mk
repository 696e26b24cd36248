LIBS += harness
harness_DIRS := tests/harness
harness_PKGS := libpq libmicrohttpd cmocka
harness_TEST_PKGS := libcurl
