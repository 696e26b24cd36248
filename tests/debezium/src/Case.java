// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file of cases, as README.md describes it: properties, some of them with
 * several values, and SQL in sections. Each combination of values is a case.
 */
record Case(String name, String requires, Map<String, String> properties,
    Map<String, String> ours, List<String> differs, List<Section> sections) {

	record Section(String kind, String sql) {}

	static List<Case> read(Path file) throws IOException {
		var values = new LinkedHashMap<String, String[]>();
		var ours = new LinkedHashMap<String, String>();
		var differs = new ArrayList<String>();
		var sections = new ArrayList<Section>();
		StringBuilder sql = null;
		String kind = null, requires = null;

		for (String line : Files.readAllLines(file)) {
			if (line.startsWith("--- ")) {
				if (kind != null)
					sections.add(new Section(kind, sql.toString()));
				kind = line.substring(4);
				sql = new StringBuilder();
			} else if (kind != null) {
				sql.append(line).append('\n');
			} else if (!line.startsWith("#") && !line.isBlank()) {
				String[] kv = line.split("=", 2);

				if (kv[0].equals("requires"))
					requires = kv[1];
				else if (kv[0].equals("differs"))
					differs.add(kv[1]);
				else if (kv[0].startsWith("leat:"))
					ours.put(kv[0].substring(5), kv[1]);
				else
					values.put(kv[0], kv[1].split(" \\| ", -1));
			}
		}
		sections.add(new Section(kind, sql.toString()));

		var cases = new ArrayList<Case>();
		String name = file.getFileName().toString().replace(".case", "");

		combine(name, List.copyOf(values.entrySet()), 0, new LinkedHashMap<>(),
		    new Case(name, requires, null, ours, differs, sections), cases);
		return cases;
	}

	private static void combine(String name,
	    List<Map.Entry<String, String[]>> values, int i, Map<String, String> chosen,
	    Case all, List<Case> cases) {
		if (i == values.size()) {
			cases.add(new Case(name, all.requires, Map.copyOf(chosen),
			    all.ours, all.differs, all.sections));
			return;
		}
		String key = values.get(i).getKey();
		String[] choice = values.get(i).getValue();

		for (String v : choice) {
			chosen.put(key, v);
			combine(choice.length == 1 ? name : name + " " + key + "=" + v,
			    values, i + 1, chosen, all, cases);
		}
	}
}
