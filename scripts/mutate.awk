# scripts/mutate.awk - prints COUNT random mutations of the C files it is given,
# as FILE|LINE|the line as it would be. -v seed=S -v count=N. Used by
# scripts/check-tests. It relies on the tree's formatting: a function's body
# stands between a line '{' and a line '}', binary operators have spaces.

FNR == 1 {
	inside = comment = 0
}

/^\{/ {
	inside = 1
	next
}

/^\}/ {
	inside = 0
}

inside && !is_comment($0) && is_code($0) {
	lines++
	file[lines] = FILENAME
	number[lines] = FNR
	text[lines] = $0
}

END {
	srand(seed)
	for (tries = 0; made < count && tries < 50 * count; tries++) {
		k = 1 + int(rand() * lines)
		line = mutate(text[k])
		key = file[k] "|" number[k] "|" line
		if (line == "" || key in seen)
			continue
		seen[key] = 1
		made++
		print key
	}
}

function is_comment(s)
{
	if (!comment && s !~ /^[ \t]*\/\*/)
		return 0
	comment = s !~ /\*\//
	return 1
}

# Not blank, no brace or label alone, no declaration.
function is_code(s)
{
	if (s !~ /[a-z0-9]/ || s ~ /^[a-z_]+:$/ || s ~ /^[ \t]*(case .*|default):$/)
		return 0
	if (s ~ /^#/ || s ~ /^\t[}\t]*else( \{)?$/)
		return 0
	sub(/^[ \t]+/, "", s)
	if (s ~ /^(static|const|unsigned|struct|enum|char|bool|int|size_t|double|long|void|FILE) /)
		return 0
	return s !~ /^[a-z0-9]+_t /
}

# Strings and characters are blanked, so that nothing inside them matches.
function mask(s,    out, i, c, quote)
{
	out = ""
	quote = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (quote != "" && c == "\\") {
			out = out "QQ"
			i++
		} else if (quote != "") {
			out = out "Q"
			if (c == quote)
				quote = ""
		} else if (c == "\"" || c == "'") {
			quote = c
			out = out "Q"
		} else {
			out = out c
		}
	}
	return substr(out, 1, length(s))
}

function offer(s)
{
	found++
	option[found] = s
}

# Offers s with each `from` in turn replaced.
function swap(s, m, from, to,    at, base)
{
	base = 0
	while ((at = index(substr(m, base + 1), from)) > 0) {
		at += base
		offer(substr(s, 1, at - 1) to substr(s, at + length(from)))
		base = at
	}
}

# Offers each decimal number, one larger and 0.
function numbers(s, m,    at, base, digits, before)
{
	base = 0
	while (match(substr(m, base + 1), /[0-9]+/)) {
		at = base + RSTART
		digits = substr(s, at, RLENGTH)
		before = substr(m, at - 1, 1)
		base = at + RLENGTH - 1
		if (before ~ /[A-Za-z0-9_.Q]/ ||
		    substr(m, base + 1, 1) ~ /[A-Za-z_.]/)
			continue
		offer(substr(s, 1, at - 1) (digits + 1) substr(s, base + 1))
		if (digits + 0 > 0)
			offer(substr(s, 1, at - 1) 0 substr(s, base + 1))
	}
}

# The ')' that closes the '(' at at; 0: not on this line.
function closing(m, at,    depth, c)
{
	depth = 0
	for (; at <= length(m); at++) {
		c = substr(m, at, 1)
		if (c == "(")
			depth++
		if (c == ")" && --depth == 0)
			return at
	}
	return 0
}

function negate(s, m, word,    at, end)
{
	at = index(m, word " (")
	if (!at)
		return
	at += length(word) + 1
	end = closing(m, at)
	if (end)
		offer(substr(s, 1, at) "!" substr(s, at, end - at + 1) ")" \
			substr(s, end + 1))
}

function delete_statement(s, m,    at)
{
	if (m !~ /^[ \t]+[^\t ].*;$/ || m ~ /[{}]/ || m ~ /^[ \t]*(return|goto)/)
		return
	at = index(m, "(")
	if (at && !closing(m, at))
		return
	match(s, /^[ \t]*/)
	# A piece of a longer statement starts in the continuation's column and
	# will not compile without its beginning, or means the same.
	offer(substr(s, 1, RLENGTH) ";")
}

function returned(s, m)
{
	if (m !~ /^[ \t]*return .*;$/)
		return
	match(s, /return /)
	at = RSTART + 6
	value = substr(s, at + 1, length(s) - at - 1)
	if (value == "0") {
		offer(substr(s, 1, at) "-1;")
	} else {
		offer(substr(s, 1, at) "0;")
		offer(substr(s, 1, at) "!(" value ");")
	}
}

function mutate(s,    m)
{
	m = mask(s)
	found = 0
	swap(s, m, " < ", " <= ")
	swap(s, m, " <= ", " < ")
	swap(s, m, " > ", " >= ")
	swap(s, m, " >= ", " > ")
	swap(s, m, " == ", " != ")
	swap(s, m, " != ", " == ")
	swap(s, m, " && ", " || ")
	swap(s, m, " || ", " && ")
	swap(s, m, " + ", " - ")
	swap(s, m, " - ", " + ")
	swap(s, m, " += ", " -= ")
	swap(s, m, " -= ", " += ")
	swap(s, m, "++", "--")
	swap(s, m, "--", "++")
	swap(s, m, " & ", " | ")
	swap(s, m, " | ", " & ")
	swap(s, m, " << ", " >> ")
	swap(s, m, " >> ", " << ")
	swap(s, m, "true", "false")
	swap(s, m, "false", "true")
	gsub(/ !=/, " QQ", m)
	swap(s, m, "(!", "(")
	swap(s, m, " !", " ")
	swap(s, m, "break;", ";")
	swap(s, m, "continue;", ";")
	negate(s, m, "if")
	negate(s, m, "while")
	numbers(s, m)
	delete_statement(s, m)
	returned(s, m)
	if (!found)
		return ""
	return option[1 + int(rand() * found)]
}
