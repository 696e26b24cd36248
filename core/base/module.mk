# SPDX-License-Identifier: Apache-2.0
LIBS += base
base_DIRS := core/base
base_USES := leat
