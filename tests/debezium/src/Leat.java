// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A connector of the worker, by its REST API; its events by its Kafka port. */
final class Leat {
	private final HttpClient http = HttpClient.newHttpClient();
	private final String rest, kafka, name, topics;
	private final Map<String, String> config;

	/** topics is a regular expression for those that the connector writes. */
	Leat(String rest, String kafka, String name, String topics,
	    Map<String, String> config) {
		this.rest = rest;
		this.kafka = kafka;
		this.name = name;
		this.topics = topics;
		this.config = config;
	}

	private String call(String method, String path, String body)
	    throws Exception {
		var r = http.send(HttpRequest.newBuilder(URI.create(rest
		    + "/connectors/" + name + path)).method(method,
		    HttpRequest.BodyPublishers.ofString(body))
		    .header("Content-Type", "application/json").build(),
		    HttpResponse.BodyHandlers.ofString());

		if (r.statusCode() >= 300)
			throw new IOException("Leat: " + r.body());
		return r.body();
	}

	void start() throws Exception {
		call("PUT", "/config", new ObjectMapper().writeValueAsString(config));
	}

	void stop() throws Exception {
		call("PUT", "/stop", "");
	}

	void resume() throws Exception {
		call("PUT", "/resume", "");
	}

	void remove() throws Exception {
		call("DELETE", "", "");
	}

	void check() throws Exception {
		String status = call("GET", "/status", "");

		if (status.contains("\"FAILED\""))
			throw new IOException("Leat failed: " + status);
	}

	/** All committed events of all topics up to now. */
	List<Event> events() throws Exception {
		check();
		var p = new Properties();
		p.put("bootstrap.servers", kafka);
		p.put("isolation.level", "read_committed");
		p.put("key.deserializer", ByteArrayDeserializer.class);
		p.put("value.deserializer", ByteArrayDeserializer.class);
		var events = new ArrayList<Event>();

		try (var c = new KafkaConsumer<byte[], byte[]>(p)) {
			var parts = new HashSet<TopicPartition>();

			c.listTopics().forEach((topic, list) -> {
				if (topic.matches(topics))
					list.forEach(i -> parts.add(
					    new TopicPartition(topic, i.partition())));
			});
			var ends = c.endOffsets(parts);
			c.assign(parts);
			c.seekToBeginning(parts);
			while (parts.stream().anyMatch(
			    t -> c.position(t) < ends.get(t)))
				for (var r : c.poll(Duration.ofMillis(100))) {
					var h = new StringBuilder();

					for (var x : r.headers())
						h.append(x.key()).append('=').append(
						    Event.text(x.value())).append(';');
					events.add(Event.of(r.topic(), r.key(),
					    r.value(), h.toString()));
				}
		}
		return events;
	}
}
