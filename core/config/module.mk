# SPDX-License-Identifier: Apache-2.0
LIBS += config
config_DIRS := core/config
config_USES := base leat
config_PKGS := yaml-0.1
