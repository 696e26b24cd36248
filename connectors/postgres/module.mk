# SPDX-License-Identifier: Apache-2.0
PLUGINS += leat-postgres
leat-postgres_DIRS := connectors/postgres
leat-postgres_PKGS := libpq libcrypto
