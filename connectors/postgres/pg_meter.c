/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_meter.h"

void
pg_meter_init(struct pg_stream *s)
{
	const struct {
		int64_t **at;
		int32_t type;
		const char *name;
		const char *help;
	} rows[] = {
		{ &s->m_lag, LEAT_METRIC_GAUGE, "postgres_lag_bytes",
		    "Log of the server that is not confirmed yet." },
		{ &s->m_delay, LEAT_METRIC_GAUGE, "postgres_lag_ms",
		    "Age of the last change when it was read." },
		{ &s->m_messages, LEAT_METRIC_COUNTER,
		    "postgres_messages_total", "Messages of the stream." },
		{ &s->m_tx, LEAT_METRIC_COUNTER, "postgres_transactions_total",
		    "Transactions delivered." },
		{ &s->m_filtered, LEAT_METRIC_COUNTER,
		    "postgres_events_filtered_total",
		    "Changes of tables or kinds that are not captured." },
		{ &s->m_unchanged, LEAT_METRIC_COUNTER,
		    "postgres_events_unchanged_total",
		    "Updates left out, as no captured column changed." },
		{ &s->m_erroneous, LEAT_METRIC_COUNTER,
		    "postgres_events_erroneous_total",
		    "Changes that could not be made into events." },
		{ &s->m_confirmed, LEAT_METRIC_GAUGE,
		    "postgres_confirmed_lsn",
		    "Position confirmed to the server." },
		{ &s->m_connected, LEAT_METRIC_GAUGE, "postgres_connected",
		    "1 while the stream is open." },
		{ &s->m_lsn, LEAT_METRIC_GAUGE, "postgres_source_lsn",
		    "Position of the last event." },
		{ &s->m_txid, LEAT_METRIC_GAUGE,
		    "postgres_last_transaction_id",
		    "Id of the last transaction." },
		{ &s->m_last_event, LEAT_METRIC_GAUGE,
		    "postgres_last_event_timestamp_ms",
		    "When the last event was made, since 1970." },
		{ &s->m_unconfirmed, LEAT_METRIC_GAUGE,
		    "postgres_unconfirmed_ms",
		    "Age of the oldest transaction that is not confirmed." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		*rows[i].at = leat_metric(s->task, rows[i].type, rows[i].name,
		    rows[i].help);
}

/* All transactions behind the confirmed one committed after it. */
static void
measure_unconfirmed(struct pg_stream *s)
{
	int64_t since = s->confirmed_us > 0 ? s->confirmed_us : s->commit_us;
	int64_t age = leat_now_us(s->task) - since;

	leat_metric_set(s->m_unconfirmed, s->pos.flush > s->confirmed &&
	    since > 0 && age > 0 ? age / 1000 : 0);
}

void
pg_meter_poll(struct pg_stream *s, uint32_t nrecords)
{
	int64_t now = leat_now_us(s->task);

	if (nrecords > 0) {
		leat_metric_set(s->m_last_event, now / 1000);
		leat_metric_set(s->m_lsn, (int64_t)s->pos.lsn);
		leat_metric_set(s->m_txid, s->pos.txid);
	}
	if (s->commit_us == s->last_event_us)
		return;
	s->last_event_us = s->commit_us;
	leat_metric_set(s->m_delay, (now - s->commit_us) / 1000);
}

void
pg_meter_status(struct pg_stream *s)
{
	leat_metric_set(s->m_confirmed, (int64_t)s->confirmed);
	leat_metric_set(s->m_lag, s->server_end > s->confirmed ?
	    (int64_t)(s->server_end - s->confirmed) : 0);
	measure_unconfirmed(s);
}
