// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * In what texts differ that should be the same: by place in the JSON, each
 * place once with the first pair of values and how often it differs.
 */
final class Difference {
	private static final ObjectMapper JSON = new ObjectMapper()
	    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
	private static final int SHOWN = 25, WIDTH = 200;

	private final Map<String, String> first = new LinkedHashMap<>();
	private final Map<String, Integer> count = new LinkedHashMap<>();

	void add(String place, String theirs, String ours) {
		first.putIfAbsent(place, "Debezium: " + shorten(theirs)
		    + "\n      Leat:     " + shorten(ours));
		count.merge(place, 1, Integer::sum);
	}

	/** Compares two texts byte for byte; JSON helps to tell where. */
	void compare(String place, String theirs, String ours) {
		if (theirs.equals(ours))
			return;
		int before = total();
		try {
			walk(place, JSON.readTree(theirs.replace(":*", ":\"*\"")),
			    JSON.readTree(ours.replace(":*", ":\"*\"")));
		} catch (JsonProcessingException e) {
			// Not JSON, or what is masked made it none.
		}
		if (total() == before)
			bytes(place, theirs, ours);
	}

	private int total() {
		return count.values().stream().mapToInt(n -> n).sum();
	}

	private void walk(String place, JsonNode a, JsonNode b) {
		if (a.equals(b))
			return;
		if (a.isObject() && b.isObject()) {
			var names = new TreeSet<String>();

			a.fieldNames().forEachRemaining(names::add);
			b.fieldNames().forEachRemaining(names::add);
			for (String n : names)
				walk(place + "." + n, a.path(n), b.path(n));
		} else if (a.isArray() && b.isArray() && a.size() == b.size()) {
			for (int i = 0; i < a.size(); i++)
				walk(place + (a.get(i).has("field")
				    ? "." + a.get(i).get("field").asText() : "[]"),
				    a.get(i), b.get(i));
		} else {
			add(place, a.toString(), b.toString());
		}
	}

	private void bytes(String place, String a, String b) {
		int i = 0;

		while (i < a.length() && i < b.length() && a.charAt(i) == b.charAt(i))
			i++;
		i = Math.max(0, i - WIDTH / 2);
		add(place + " (bytes)", a.substring(i), b.substring(i));
	}

	private static String shorten(String s) {
		return s.length() > WIDTH ? s.substring(0, WIDTH) + "..." : s;
	}

	/** Takes places out that are known to differ; says which did not. */
	String except(List<String> known) {
		var s = new StringBuilder();

		for (String k : known) {
			var place = Pattern.compile(k);

			if (!first.keySet().removeIf(p -> place.matcher(p).find()))
				s.append("    does not differ any more: ").append(k)
				    .append('\n');
		}
		return s.toString();
	}

	/** Empty when nothing differed. */
	@Override
	public String toString() {
		var s = new StringBuilder();

		first.entrySet().stream().limit(SHOWN).forEach(e -> s.append("    ")
		    .append(e.getKey()).append(" (").append(count.get(e.getKey()))
		    .append(" times)\n      ").append(e.getValue()).append('\n'));
		if (first.size() > SHOWN)
			s.append("    and ").append(first.size() - SHOWN)
			    .append(" more places\n");
		return s.toString();
	}
}
