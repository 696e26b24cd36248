LIBS += record
record_DIRS := core/record core/record/converters core/record/transforms
record_USES := config base leat
