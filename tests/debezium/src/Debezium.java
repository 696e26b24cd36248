// SPDX-License-Identifier: Apache-2.0

import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.HeaderConverter;

/** A real Debezium connector in this process; its events as Connect writes them. */
final class Debezium {
	private final Properties properties = new Properties();
	private final JsonConverter keys = new JsonConverter();
	private final JsonConverter values = new JsonConverter();
	private final HeaderConverter headers;
	private final List<Event> events = new ArrayList<>();
	private DebeziumEngine<?> engine;
	private ExecutorService thread;
	private volatile String failure;

	Debezium(Map<String, String> config) throws Exception {
		properties.putAll(config);
		properties.put("name", "debezium");
		properties.put("offset.flush.interval.ms", "0");
		keys.configure(part(config, "key.converter."), true);
		values.configure(part(config, "value.converter."), false);
		headers = (HeaderConverter) Class.forName(
		    config.get("header.converter")).getDeclaredConstructor()
		    .newInstance();
		Map<String, Object> h = new HashMap<>(
		    part(config, "header.converter."));
		h.put("converter.type", "header");
		headers.configure(h);
		// The engine has converters of its own, which are not in use.
		properties.keySet().removeIf(k -> k.toString().contains("converter."));
	}

	private static Map<String, String> part(Map<String, String> config,
	    String prefix) {
		var out = new HashMap<String, String>();

		config.forEach((k, v) -> {
			if (k.startsWith(prefix))
				out.put(k.substring(prefix.length()), v);
		});
		return out;
	}

	void start() {
		engine = DebeziumEngine.create(Connect.class).using(properties)
		    .using((success, message, error) -> {
			if (!success)
				failure = message + ": " + error;
		}).notifying((List<ChangeEvent<SourceRecord, SourceRecord>> batch,
		    DebeziumEngine.RecordCommitter<
		    ChangeEvent<SourceRecord, SourceRecord>> done) -> {
			for (var e : batch) {
				add(e.value());
				done.markProcessed(e);
			}
			done.markBatchFinished();
		}).build();
		thread = Executors.newSingleThreadExecutor();
		thread.execute(engine);
	}

	private void add(SourceRecord r) {
		try {
			var h = new StringBuilder();

			for (var x : r.headers())
				h.append(x.key()).append('=').append(Event.text(
				    headers.fromConnectHeader(r.topic(), x.key(),
				    x.schema(), x.value()))).append(';');
			var e = Event.of(r.topic(),
			    keys.fromConnectData(r.topic(), r.keySchema(), r.key()),
			    values.fromConnectData(r.topic(), r.valueSchema(),
			    r.value()), h.toString());
			synchronized (events) {
				events.add(e);
			}
		} catch (RuntimeException e) {
			failure = "a record of " + r.topic() + ": " + e;
		}
	}

	/** All events up to now; fails when the connector has. */
	List<Event> events() throws IOException {
		if (failure != null)
			throw new IOException("Debezium failed: " + failure);
		synchronized (events) {
			return new ArrayList<>(events);
		}
	}

	void stop() throws Exception {
		if (engine == null)
			return;
		engine.close();
		thread.shutdown();
		if (!thread.awaitTermination(30, TimeUnit.SECONDS))
			throw new IOException("Debezium does not stop");
		engine = null;
	}
}
