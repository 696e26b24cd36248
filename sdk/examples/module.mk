# The reference connectors, each a plugin of its own.
PLUGINS += leat-counter leat-append
leat-counter_DIRS := sdk/examples/counter
leat-append_DIRS := sdk/examples/append
