/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_source_type.c: what Debezium tells of a column's type. Its numbers are
 * those of the JDBC driver: digits of numbers, widths of printed times.
 */
#include "pg_mask.h"

#include <string.h>

enum {
	OID_BOOL = 16,
	OID_CHAR = 18,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_OID = 26,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_DATE = 1082,
	OID_TIME = 1083,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
	OID_INTERVAL = 1186,
	OID_TIMETZ = 1266,
	OID_BIT = 1560,
	OID_VARBIT = 1562,
	OID_NUMERIC = 1700
};

/* Arrays are told by their elements. */
static const struct pg_type *
base(const struct pg_type *ty)
{
	while (ty->conv == pg_conv_array)
		ty = ty->elem;
	return ty;
}

/* Of ".123456"; the driver takes two digits for one. */
static int32_t
fraction_width(int32_t typmod)
{
	if (typmod < 0)
		return 7;
	return typmod == 1 ? 3 : typmod + (typmod > 0);
}

static int32_t
time_width(uint32_t oid, int32_t typmod)
{
	switch (oid) {
	case OID_TIME: return 8 + fraction_width(typmod);
	case OID_TIMETZ: return 14 + fraction_width(typmod);
	case OID_TIMESTAMP: return 22 + fraction_width(typmod);
	default: return 28 + fraction_width(typmod);
	}
}

int32_t
pg_source_length(const struct pg_type *ty)
{
	int32_t typmod = base(ty)->typmod;

	switch (base(ty)->oid) {
	case OID_BOOL:
	case OID_CHAR: return 1;
	case OID_INT2: return 5;
	case OID_INT4:
	case OID_OID: return 10;
	case OID_INT8: return 19;
	case OID_FLOAT4: return 8;
	case OID_FLOAT8: return 17;
	case OID_NUMERIC: return typmod < 4 ? 131089 :
		    ((typmod - 4) >> 16) & 0xffff;
	case OID_BPCHAR:
	case OID_VARCHAR: return typmod < 4 ? INT32_MAX : typmod - 4;
	case OID_DATE: return 13;
	case OID_TIME:
	case OID_TIMETZ:
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ: return time_width(base(ty)->oid, typmod);
	case OID_INTERVAL: return 49;
	case OID_BIT: return typmod < 0 ? 1 : typmod;
	case OID_VARBIT: return typmod < 0 ? INT32_MAX : typmod;
	default: break;
	}
	/* A vector tells its dimensions, or nothing. */
	return base(ty)->conv == pg_conv_vector ||
	    base(ty)->conv == pg_conv_sparse ? typmod : INT32_MAX;
}

int32_t
pg_source_scale(const struct pg_type *ty)
{
	int32_t typmod = base(ty)->typmod;

	switch (base(ty)->oid) {
	case OID_FLOAT4: return 8;
	case OID_FLOAT8: return 17;
	case OID_NUMERIC: return typmod < 4 ? 0 : base(ty)->scale;
	case OID_TIME:
	case OID_TIMETZ:
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ: return typmod < 0 ? 6 : typmod;
	case OID_INTERVAL: return typmod < 0 ? 6 : typmod & 0xffff;
	default: return 0;
	}
}

const char *
pg_source_type_name(const char *type_name, const char *def_expr)
{
	if (def_expr == NULL || strstr(def_expr, "nextval(") == NULL)
		return type_name;
	if (strcmp(type_name, "int2") == 0)
		return "smallserial";
	if (strcmp(type_name, "int4") == 0)
		return "serial";
	return strcmp(type_name, "int8") == 0 ? "bigserial" : type_name;
}
