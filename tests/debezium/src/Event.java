// SPDX-License-Identifier: Apache-2.0

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** A record as text, without what must differ between two connectors. */
record Event(String topic, String key, String value, String headers) {
	/** What is replaced by "*", and why the two may differ in it. */
	private static final Pattern[] MASKED = {
		// The connector's own version and the id of its run.
		Pattern.compile("\"version\":(\"[^\"]*\"),\"connector\":"),
		Pattern.compile("runId=([^;]*);"),
		// When an event was made.
		Pattern.compile("\"op\":\"\\w\",\"ts_ms\":(\\d+"
		    + "(,\"ts_us\":\\d+,\"ts_ns\":\\d+)?)"),
		Pattern.compile("\"ts_ms\":(\\d+),\"ts_us\":\\d+,\"ts_ns\":\\d+\\}"
		    + "(?=\\}?$)"),
		Pattern.compile("^(?:\\{\"schema\":.*\"payload\":)?"
		    + "\\{\"ts_ms\":(\\d+)\\}\\}?$"),
		Pattern.compile("\"__ts_[mun]s\":(\\d+)"),
		Pattern.compile("\"timestamp\":(\\d+)\\}"),
		// Each snapshot is read at its own time, in its own transaction.
		Pattern.compile("\"ts_ms\":(\\d+),\"snapshot\":"
		    + "\"(?:true|first\\w*|last\\w*|incremental)\""),
		Pattern.compile("\"snapshot\":\"(?:true|first\\w*|last\\w*)\","
		    + "\"db\":\"[^\"]*\",\"sequence\":(.*?),\"schema\":"),
		Pattern.compile("\"snapshot\":\"(?:true|first\\w*|last\\w*)\","
		    + "\"db\":.*?\"txId\":(\\d+),"),
		Pattern.compile("\"snapshot\":\"(?:true|first\\w*|last\\w*)\","
		    + "\"db\":.*?\"lsn\":(\\d+),"),
		Pattern.compile("\"snapshot\":\"incremental\",\"db\":\"[^\"]*\""
		    + ",\"sequence\":(.*?),\"schema\":"),
	};

	static Event of(String topic, byte[] key, byte[] value, String headers) {
		return new Event(topic, mask(text(key)), mask(text(value)),
		    mask(headers));
	}

	static String text(byte[] bytes) {
		return bytes == null ? "(null)"
		    : new String(bytes, StandardCharsets.UTF_8);
	}

	private static String mask(String s) {
		for (Pattern p : MASKED) {
			var m = p.matcher(s);
			var out = new StringBuilder();
			int from = 0;

			while (m.find()) {
				out.append(s, from, m.start(1)).append('*');
				from = m.end(1);
			}
			s = out.append(s.substring(from)).toString();
		}
		return s;
	}

	@Override
	public String toString() {
		return "KEY " + key + "\nVALUE " + value + "\nHEADERS " + headers
		    + "\n";
	}
}
