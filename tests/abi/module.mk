# Plugins that the loader must refuse, and one that it must take, built into
# test-plugins/. Each source says what is wrong with it.
BROKEN := $(basename $(notdir $(wildcard tests/abi/broken/*.c)))

TEST_PLUGINS += $(BROKEN)
$(foreach p,$(BROKEN),$(eval $(p)_SRC := tests/abi/broken/$(p).c))
