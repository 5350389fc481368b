# Make a table in Markdown of what matrices measured, next to what the literature says:
#
#     awk -f scenarios.awk scenarios-literature.tsv MATRIX.csv...
#
# The first file has a line a row: the fault word, its numbers of nodes, and what is published, with tabs between. A word that was
# measured and has no line comes last, with nothing published. A row of the table is one word, number of nodes and system. Where it
# was run several times, a cell is the median, and from least to greatest.

BEGIN {
	split("etcd etcd-no-pre-vote", systems, " ")
	print "| fault | nodes | pre-vote | runs | new leaders | down in the fault, ms | down at the heal, ms | time to recover, ms | answered | published |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
}

NR == FNR {
	if ($0 !~ /^#/ && $0 != "") { # see above
		split($0, f, "\t")
		row[++rows] = f[1]; nodes[rows] = f[2]; says[rows] = f[3]; listed[f[1]] = 1
	}
	next
}

FNR == 1 { # the names of the columns: more may be added, in any place
	for (i = fields($0); i > 0; i--) column[f[i]] = i
	next
}

{
	if (fields($0) < 2) next
	key = col("fault") SUBSEP col("number-nodes") SUBSEP col("system")
	runs[key]++
	if (!(col("fault") in listed)) unlisted(col("fault"), col("number-nodes"))
	verdict = col("verdict")
	if (verdict != "valid" && verdict != "invalid") next # no result
	if (verdict == "invalid") broken[key]++
	results[key]++
	put("ttr", col("ttr_censored") == "true" ? "never" : col("ttr_ms"))
	put("fault", col("fault") == "none" ? col("unavailability_ms") : col("in_fault_gap_ms")); put("heal", col("at_heal_gap_ms")); put("ok", 100 * col("ok_ratio"))
	put("leaders", col("leader_changes")); put("healed", col("at_heal_leader_changes"))
	if (col("in_fault_lasted") == "true") lasted[key, "fault"]++
	if (col("at_heal_lasted") == "true") lasted[key, "heal"]++
}

END {
	for (i = 1; i <= rows; i++)
		for (k = 1; k <= split(nodes[i], ns, " "); k++)
			for (s = 1; s <= 2; s++)
				print_row(row[i], ns[k], systems[s], says[i])
}

# unlisted gives a word that has no line a row for each of its numbers of nodes, the least first.
function unlisted(word, n,    i, k, ns, all) {
	for (i = 1; i <= rows && row[i] != word; i++) continue
	if (i > rows) { row[++rows] = word; nodes[i] = ""; says[i] = "nothing is published" }
	for (k = split(nodes[i], ns, " "); k > 0 && ns[k] + 0 > n + 0; k--) all = " " ns[k] all
	if (k > 0 && ns[k] == n) return
	for (all = n all; k > 0; k--) all = ns[k] " " all
	nodes[i] = all
}

function print_row(word, n, store, published,    k) {
	k = word SUBSEP n SUBSEP store
	if (!(k in runs)) return
	printf "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", word, n, store == "etcd" ? "on" : "off", told(k),
		leaders(k), down(k, "fault", "heal"), down(k, "heal", "end"), show(k, "ttr", 0), answered(k), word == before ? "" : published
	before = word
}

# told is how many runs there were, and how many of them are no results.
function told(key) {
	return runs[key] (results[key] < runs[key] ? ", " (runs[key] - results[key]) " without a result" : "") (broken[key] ? ", " broken[key] " INVALID" : "")
}

# leaders are all changes of leader, and those after the last heal.
function leaders(key,    all, late) {
	all = show(key, "leaders", 0); late = show(key, "healed", 0)
	return all == "" || late == "" || late == "0" ? all : all "; at the heal " late
}

# down is the longest gap in the fault or at the heal; where nothing is struck, in all of the load. One that lasted to the end of its part says so.
function down(key, part, end,    s) {
	s = show(key, part, 0)
	if (!lasted[key, part]) return s
	return s ", until the " end (lasted[key, part] < results[key] ? " in " lasted[key, part] : "")
}

function answered(key,    s) {
	s = show(key, "ok", 1)
	gsub(/[0-9.]+/, "&%", s)
	return s
}

# put keeps a value of the run under way, in order; "never" is greater than any number.
function put(name, value,    k, n, x) {
	if (value == "") return
	k = key SUBSEP name
	n = ++count[k]
	for (; n > 1 && greater(kept[k, n - 1], value); n--) kept[k, n] = kept[k, n - 1]
	kept[k, n] = value
}

function greater(a, b) { return b != "never" && (a == "never" || a + 0 > b + 0) }

# show is "1410 (1380 to 1520)": the median, the middle one or the lower of the two, and the range.
function show(key, name, digits,    k, n, least, most) {
	k = key SUBSEP name
	n = count[k]
	if (n == 0) return ""
	least = plain(kept[k, 1], digits); most = plain(kept[k, n], digits)
	return plain(kept[k, int((n + 1) / 2)], digits) (least == most ? "" : " (" least " to " most ")")
}

function plain(x, digits) { return x == "never" ? x : sprintf("%." digits "f", x) }

# col is the value of a column by its name. A name that is not there must not become an empty cell.
function col(name) {
	if (!(name in column)) { print FILENAME ": no column " name > "/dev/stderr"; exit 1 }
	return f[column[name]]
}

# fields splits a line of CSV into f. A quoted field may hold commas and doubled quotes; line feeds are not expected.
function fields(text,    n) {
	n = 0
	split("", f)
	while (text != "" || n == 0) {
		n++
		if (match(text, /^"([^"]|"")*"/)) {
			f[n] = substr(text, 2, RLENGTH - 2); gsub(/""/, "\"", f[n])
			text = substr(text, RLENGTH + 1)
		} else {
			match(text, /^[^,]*/)
			f[n] = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1)
		}
		if (text ~ /^,$/) f[n + 1] = ""
		sub(/^,/, "", text)
	}
	return n
}
