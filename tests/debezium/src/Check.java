// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Runs the cases: both connectors over the same SQL, each with its own slot,
 * until both have delivered the last change; then topic by topic the events
 * must be equal. Arguments: PORT REST KAFKA HOME OUT CASES [NAMES].
 */
public final class Check {
	private static final String END = "end-of-part-";
	/** Cases run together: most of their time they wait. */
	private static final int AT_ONCE = 3;

	private final String rest, kafka;
	private final Path home, out;
	private final Server server;
	private int passed, failed;

	private Check(String[] args) throws Exception {
		rest = args[1];
		kafka = args[2];
		home = Path.of(args[3]);
		out = Path.of(args[4]);
		server = new Server(args[0]);
	}

	public static void main(String[] args) throws Exception {
		var check = new Check(args);
		var only = args.length > 6 && !args[6].isBlank()
		    ? List.of(args[6].trim().split("\\s+")) : List.<String>of();

		var threads = Executors.newFixedThreadPool(AT_ONCE);
		int number = 0, skipped = 0;

		try (var files = Files.list(Path.of(args[5]))) {
			for (Path file : files.sorted().toList()) {
				String name = file.getFileName().toString();

				if (!only.isEmpty() && !only.contains(
				    name.replace(".case", "")))
					continue;
				for (Case c : Case.read(file)) {
					if (!check.server.offers(c.requires())) {
						System.out.println("skipped: " + c.name()
						    + " (no extension "
						    + c.requires() + ")");
						skipped++;
						continue;
					}
					String db = "c" + ++number;

					threads.execute(() -> check.run(c, db));
				}
			}
		}
		threads.shutdown();
		threads.awaitTermination(1, TimeUnit.HOURS);
		System.out.println(check.passed + " passed, " + check.failed
		    + " failed" + (skipped == 0 ? "" : ", " + skipped
		    + " skipped"));
		System.exit(check.failed == 0 ? 0 : 1);
	}

	/** What both get; the case's own properties come on top. */
	private Map<String, String> config(Case c, String db, String slot) {
		var m = new LinkedHashMap<String, String>();

		m.put("connector.class",
		    "io.debezium.connector.postgresql.PostgresConnector");
		m.put("tasks.max", "1");
		m.put("database.hostname", "127.0.0.1");
		m.put("database.port", server.port);
		m.put("database.user", "postgres");
		m.put("database.password", "any");
		m.put("database.dbname", db);
		m.put("topic.prefix", db);
		m.put("plugin.name", "pgoutput");
		m.put("slot.name", slot);
		m.put("publication.name", "pub_" + slot);
		m.put("publication.autocreate.mode", "filtered");
		m.put("extended.headers.enabled", "true");
		m.put("poll.interval.ms", "20");
		m.put("key.converter", "org.apache.kafka.connect.json.JsonConverter");
		m.put("value.converter", "org.apache.kafka.connect.json.JsonConverter");
		m.put("header.converter",
		    "org.apache.kafka.connect.storage.SimpleHeaderConverter");
		m.putAll(c.properties());
		return m;
	}

	private void run(Case c, String db) {
		String said = "";

		try {
			said = runBoth(c, db);
		} catch (Exception e) {
			said = "    " + e + "\n";
		}
		synchronized (this) {
			if (said.isEmpty()) {
				passed++;
				System.out.println("ok   " + c.name());
			} else {
				failed++;
				System.out.println("FAIL " + c.name() + " (" + db
				    + ")\n" + said.stripTrailing());
			}
		}
	}

	private String runBoth(Case c, String db) throws Exception {
		String slot = db + "_debezium", ourSlot = db + "_leat";
		var theirs = config(c, db, slot);
		var ours = config(c, db, ourSlot);
		String routed = c.ours().getOrDefault("topics", "\\b\\B");
		String said;

		theirs.put("offset.storage",
		    "org.apache.kafka.connect.storage.FileOffsetBackingStore");
		theirs.put("offset.storage.file.filename",
		    home.resolve(db + ".offsets").toString());
		c.ours().forEach(ours::put);
		ours.remove("topics");
		var debezium = new Debezium(theirs);
		var leat = new Leat(rest, kafka, db, "(__debezium-heartbeat.)?" + db
		    + "(\\..*)?|" + routed, ours);
		server.exec("CREATE DATABASE " + db);
		try {
			said = session(c, db, debezium, leat, slot, ourSlot);
			save(db, c, debezium.events(), leat.events());
		} catch (Exception e) {
			said = "    " + e.getMessage() + "\n";
		}
		try {
			leat.remove();
			debezium.stop();
			server.dropSlot(slot);
			server.dropSlot(ourSlot);
			server.exec("DROP DATABASE " + db + " WITH (FORCE)");
		} catch (Exception e) {
			said += "    cleaning up: " + e.getMessage() + "\n";
		}
		return said;
	}

	/** Goes through the sections; what differs in the end. */
	private String session(Case c, String db, Debezium debezium, Leat leat,
	    String slot, String ourSlot) throws Exception {
		int part = 0;
		boolean running = false;

		server.script(db, "CREATE TABLE fin(id text PRIMARY KEY);"
		    + "INSERT INTO fin VALUES ('start');");
		for (var s : c.sections()) {
			if (s.kind().equals("setup")) {
				server.script(db, s.sql());
				continue;
			}
			if (!running) {
				debezium.start();
				if (part == 0)
					leat.start();
				else
					leat.resume();
				server.awaitStreaming(ourSlot);
				server.awaitStreaming(slot);
				running = true;
			}
			if (s.kind().equals("away")) {
				debezium.stop();
				leat.stop();
				running = false;
				server.script(db, s.sql());
				continue;
			}
			server.script(db, s.sql() + ";INSERT INTO public.fin VALUES ('"
			    + END + ++part + "');");
			await(END + part, debezium, leat);
		}
		return compare(c, debezium.events(), leat.events());
	}

	private static void await(String mark, Debezium debezium, Leat leat)
	    throws Exception {
		long end = System.nanoTime() + 120_000_000_000L;
		boolean theirs = false, ours = false;

		while (!theirs || !ours) {
			theirs = theirs || has(debezium.events(), mark);
			ours = ours || has(leat.events(), mark);
			if (System.nanoTime() > end)
				throw new IOException((theirs ? "Leat" : ours
				    ? "Debezium" : "neither") + (theirs || ours
				    ? " does not deliver the last change"
				    : " delivers the last change"));
			Thread.sleep(20);
		}
	}

	private static boolean has(List<Event> events, String mark) {
		return events.stream().anyMatch(e -> e.value().contains(mark));
	}

	private void save(String db, Case c, List<Event> theirs, List<Event> ours)
	    throws IOException {
		Files.writeString(out.resolve(db + ".debezium"), text(c, theirs));
		Files.writeString(out.resolve(db + ".leat"), text(c, ours));
	}

	private static String text(Case c, List<Event> events) {
		var s = new StringBuilder(c.name()).append('\n');

		byTopic(events).forEach((t, l) -> l.forEach(
		    e -> s.append("TOPIC ").append(t).append('\n').append(e)));
		return s.toString();
	}

	private static Map<String, List<Event>> byTopic(List<Event> events) {
		var m = new HashMap<String, List<Event>>();

		for (Event e : events)
			m.computeIfAbsent(e.topic(), t -> new ArrayList<>()).add(e);
		// How often a heartbeat comes is a matter of time.
		m.replaceAll((t, l) -> t.startsWith("__debezium-heartbeat")
		    ? new ArrayList<>(new LinkedHashSet<>(l)) : l);
		return m;
	}

	private static String compare(Case c, List<Event> theirs,
	    List<Event> ours) {
		var a = byTopic(theirs);
		var b = byTopic(ours);
		var topics = new TreeSet<>(a.keySet());
		var difference = new Difference();

		topics.addAll(b.keySet());
		for (String t : topics) {
			var x = a.getOrDefault(t, List.of());
			var y = b.getOrDefault(t, List.of());

			if (x.size() != y.size())
				difference.add(t + " records", "" + x.size(),
				    "" + y.size());
			for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
				var d = x.get(i);
				var l = y.get(i);

				difference.compare(t + " key", d.key(), l.key());
				difference.compare(t + " value", d.value(), l.value());
				difference.compare(t + " headers", d.headers(),
				    l.headers());
			}
		}
		return difference.except(c.differs()) + difference;
	}
}
