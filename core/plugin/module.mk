# SPDX-License-Identifier: Apache-2.0
LIBS += plugin
plugin_DIRS := core/plugin
plugin_USES := base leat
plugin_LDLIBS := -ldl
