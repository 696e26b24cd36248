/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_layout.c: where each member of the ABI's structs stands.
 *
 * The numbers are those of ABI 1.0 and hold for every later minor version: a
 * line is never changed, lines are only added. Static assertions in the headers
 * pin the corners; this pins everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <leat/connector.h>

struct place {
	const char *name;
	size_t offset, size;		/* as compiled now */
	size_t abi_offset, abi_size;	/* as they must be */
};

/* clang-format off */
#define PLACE(s, m, o, n)                                                  \
	{                                                                  \
		#s "." #m, offsetof(struct leat_##s, m),                   \
		    sizeof(((struct leat_##s *)NULL)->m), (o), (n)         \
	}

static const struct place places[] = {
	PLACE(value, kind, 0, 1),
	PLACE(value, flags, 1, 1),
	PLACE(value, reserved, 2, 2),
	PLACE(value, len, 4, 4),
	PLACE(value, u, 8, 8),

	PLACE(param, key, 0, 8),
	PLACE(param, value, 8, 8),

	PLACE(field, name, 0, 8),
	PLACE(field, schema, 8, 8),
	PLACE(field, json_key, 16, 8),
	PLACE(field, json_key_len, 24, 4),
	PLACE(field, name_len, 28, 4),

	PLACE(schema, kind, 0, 1),
	PLACE(schema, optional, 1, 1),
	PLACE(schema, has_default, 2, 1),
	PLACE(schema, interned, 3, 1),
	PLACE(schema, id, 4, 4),
	PLACE(schema, version, 8, 4),
	PLACE(schema, nparams, 12, 4),
	PLACE(schema, name, 16, 8),
	PLACE(schema, doc, 24, 8),
	PLACE(schema, params, 32, 8),
	PLACE(schema, def, 40, 16),
	PLACE(schema, key, 56, 8),
	PLACE(schema, elem, 64, 8),
	PLACE(schema, fields, 72, 8),
	PLACE(schema, nfields, 80, 4),
	PLACE(schema, reserved, 84, 4),

	PLACE(header, name, 0, 8),
	PLACE(header, schema, 8, 8),
	PLACE(header, value, 16, 16),

	PLACE(record, topic, 0, 8),
	PLACE(record, partition, 8, 4),
	PLACE(record, nheaders, 12, 4),
	PLACE(record, timestamp_ms, 16, 8),
	PLACE(record, key_schema, 24, 8),
	PLACE(record, value_schema, 32, 8),
	PLACE(record, key, 40, 16),
	PLACE(record, value, 56, 16),
	PLACE(record, headers, 72, 8),
	PLACE(record, origin_topic, 80, 8),
	PLACE(record, origin_partition, 88, 4),
	PLACE(record, timestamp_type, 92, 4),
	PLACE(record, offset, 96, 8),
	PLACE(record, reserved, 104, 8),

	PLACE(err, code, 0, 4),
	PLACE(err, cls, 4, 4),
	PLACE(err, sqlstate, 8, 8),
	PLACE(err, text, 16, 480),
	PLACE(err, file, 496, 8),
	PLACE(err, line, 504, 4),
	PLACE(err, reserved, 508, 4),

	PLACE(list, items, 0, 8),
	PLACE(list, len, 8, 4),
	PLACE(params, items, 0, 8),
	PLACE(params, len, 8, 4),

	PLACE(option, name, 0, 8),
	PLACE(option, aliases, 8, 8),
	PLACE(option, type, 16, 4),
	PLACE(option, flags, 20, 4),
	PLACE(option, def, 24, 8),
	PLACE(option, min, 32, 8),
	PLACE(option, max, 40, 8),
	PLACE(option, choices, 48, 8),
	PLACE(option, offset, 56, 8),
	PLACE(option, help, 64, 8),
	PLACE(option, since, 72, 8),

	PLACE(batch, cur, 0, 8),
	PLACE(batch, end, 8, 8),
	PLACE(batch, nrecords, 16, 4),
	PLACE(batch, full, 20, 4),
	PLACE(batch, task, 24, 8),

	PLACE(position, partition, 0, 8),
	PLACE(position, offset, 8, 8),
	PLACE(sink_batch, records, 0, 8),
	PLACE(sink_batch, nrecords, 8, 4),
	PLACE(task_head, host, 0, 8),

	PLACE(host, size, 0, 4),
	PLACE(host, version, 8, 8),
	PLACE(host, log_enabled, 16, 8),
	PLACE(host, log, 24, 8),
	PLACE(host, batch_grow, 32, 8),
	PLACE(host, batch_add, 40, 8),
	PLACE(host, batch_position, 48, 8),
	PLACE(host, schema_intern, 56, 8),
	PLACE(host, offset_get, 64, 8),
	PLACE(host, wait, 72, 8),
	PLACE(host, stopping, 80, 8),
	PLACE(host, now_us, 88, 8),
	PLACE(host, mono_ms, 96, 8),
	PLACE(host, metric, 104, 8),
	PLACE(host, sink_ack, 112, 8),
	PLACE(host, sink_fail, 120, 8),
	PLACE(host, plan_add, 128, 8),
	PLACE(host, status, 136, 8),
	PLACE(host, task_name, 144, 8),
	PLACE(host, task_id, 152, 8),
	PLACE(host, finding, 160, 8),

	PLACE(finding, grade, 0, 4),
	PLACE(finding, subject, 8, 8),
	PLACE(finding, text, 16, 8),
	PLACE(finding, cure, 24, 8),

	PLACE(source_ops, size, 0, 4),
	PLACE(source_ops, open, 8, 8),
	PLACE(source_ops, poll, 16, 8),
	PLACE(source_ops, durable, 24, 8),
	PLACE(source_ops, tick, 32, 8),
	PLACE(source_ops, interrupt, 40, 8),
	PLACE(source_ops, close, 48, 8),

	PLACE(sink_ops, size, 0, 4),
	PLACE(sink_ops, open, 8, 8),
	PLACE(sink_ops, put, 16, 8),
	PLACE(sink_ops, flush, 24, 8),
	PLACE(sink_ops, tick, 32, 8),
	PLACE(sink_ops, interrupt, 40, 8),
	PLACE(sink_ops, close, 48, 8),

	PLACE(connector, size, 0, 4),
	PLACE(connector, kind, 4, 4),
	PLACE(connector, name, 8, 8),
	PLACE(connector, version, 16, 8),
	PLACE(connector, aliases, 24, 8),
	PLACE(connector, help, 32, 8),
	PLACE(connector, flags, 40, 8),
	PLACE(connector, options, 48, 8),
	PLACE(connector, config_size, 56, 8),
	PLACE(connector, check, 64, 8),
	PLACE(connector, plan, 72, 8),
	PLACE(connector, source, 80, 8),
	PLACE(connector, sink, 88, 8),
	PLACE(connector, examine, 96, 8),

	PLACE(plugin, magic, 0, 4),
	PLACE(plugin, size, 4, 4),
	PLACE(plugin, abi_major, 8, 4),
	PLACE(plugin, abi_minor, 12, 4),
	PLACE(plugin, name, 16, 8),
	PLACE(plugin, version, 24, 8),
	PLACE(plugin, connectors, 32, 8),
	PLACE(plugin, nconnectors, 40, 4),
};
/* clang-format on */

static void
test_places(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *p = &places[i];

		if (p->offset != p->abi_offset || p->size != p->abi_size)
			fail_msg("%s stands at %zu with %zu bytes, the ABI has"
				 " it at %zu with %zu",
			    p->name, p->offset, p->size, p->abi_offset,
			    p->abi_size);
	}
}

/* Structs that lie in arrays cannot even grow. */
static void
test_sizes_of_items(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct leat_value), 16);
	assert_int_equal(sizeof(struct leat_param), 16);
	assert_int_equal(sizeof(struct leat_field), 32);
	assert_int_equal(sizeof(struct leat_header), 32);
	assert_int_equal(sizeof(struct leat_record), 112);
	assert_int_equal(sizeof(struct leat_option), 80);
	assert_int_equal(sizeof(struct leat_list), 16);
	assert_int_equal(sizeof(struct leat_params), 16);
	assert_int_equal(sizeof(struct leat_err), 512);
}

static void
test_numbers(void **state)
{
	(void)state;
	assert_int_equal(LEAT_PLUGIN_MAGIC, 0x4c454154);
	assert_int_equal(LEAT_ABI_MAJOR, 1);
	assert_string_equal(LEAT_PLUGIN_SYMBOL, "leat_plugin");
	assert_int_equal(LEAT_STRUCT, 12);
	assert_int_equal(LEAT_BYTES, 9);
	assert_int_equal(LEAT_OPT_MAP, 9);
	assert_int_equal(LEAT_OPT_CHOICE, 5);
	assert_int_equal(LEAT_CLS_FATAL, 4);
	assert_int_equal(LEAT_E_STOPPED, -1014);
	assert_int_equal(LEAT_LOG_DEBUG, 4);
	assert_int_equal(LEAT_SINK, 2);
	assert_int_equal(LEAT_TAKES_TOMBSTONES, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_sizes_of_items),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
