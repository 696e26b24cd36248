LIBS += record
record_DIRS := core/record core/record/converters core/record/expr \
	core/record/transforms
record_USES := config base leat
record_LDLIBS := -lm
