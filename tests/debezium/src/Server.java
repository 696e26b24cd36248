// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** The PostgreSQL that both connectors read. */
final class Server implements AutoCloseable {
	final String port;
	private final Connection connection;

	Server(String port) throws SQLException {
		this.port = port;
		connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:"
		    + port + "/postgres?user=postgres");
	}

	void exec(String sql) throws SQLException {
		try (var s = connection.createStatement()) {
			s.execute(sql);
		}
	}

	/** Runs a script by psql, statement by statement. */
	void script(String db, String sql) throws Exception {
		Process p = new ProcessBuilder("psql", "-X", "-q", "-h", "127.0.0.1",
		    "-p", port, "-U", "postgres", "-d", db, "-v", "ON_ERROR_STOP=1",
		    "-f", "-").redirectErrorStream(true).start();
		try (var in = p.getOutputStream()) {
			in.write(sql.getBytes(StandardCharsets.UTF_8));
		}
		String said = new String(p.getInputStream().readAllBytes());

		if (p.waitFor() != 0)
			throw new IOException("SQL failed: " + said.strip());
	}

	boolean is(String condition) throws SQLException {
		try (var s = connection.createStatement();
		    var r = s.executeQuery("SELECT " + condition)) {
			return r.next() && r.getBoolean(1);
		}
	}

	/** Whether an extension can be created; null is none. */
	boolean offers(String extension) throws SQLException {
		return extension == null || is("EXISTS(SELECT 1 FROM"
		    + " pg_available_extensions WHERE name = '" + extension + "')");
	}

	void await(String what, String condition) throws Exception {
		long end = System.nanoTime() + 120_000_000_000L;

		while (!is(condition)) {
			if (System.nanoTime() > end)
				throw new IOException("waited in vain: " + what);
			Thread.sleep(20);
		}
	}

	void awaitStreaming(String slot) throws Exception {
		await("slot " + slot + " is streamed", "EXISTS(SELECT 1"
		    + " FROM pg_stat_replication r JOIN pg_replication_slots s"
		    + " ON s.active_pid = r.pid WHERE s.slot_name = '" + slot
		    + "' AND r.state = 'streaming')");
	}

	void dropSlot(String slot) throws Exception {
		await("slot " + slot + " is free", "NOT EXISTS(SELECT 1 FROM"
		    + " pg_replication_slots WHERE active AND slot_name = '" + slot
		    + "')");
		exec("SELECT pg_drop_replication_slot(slot_name)"
		    + " FROM pg_replication_slots WHERE slot_name = '" + slot + "'");
	}

	@Override
	public void close() throws SQLException {
		connection.close();
	}
}
