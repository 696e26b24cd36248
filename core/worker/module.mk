# SPDX-License-Identifier: Apache-2.0
LIBS += worker
worker_DIRS := core/worker
worker_USES := bus record plugin config broker base leat
