/* audit/names.c - see names.h. */
#include "audit/names.h"

#include <stdlib.h>
#include <string.h>

#define UUID_CHARS 36

void
names_release(struct names *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		free(names->text[i]);
	free(names->text);
	table_release(&names->table);
	memset(names, 0, sizeof(*names));
}

struct wanted {
	const struct names *names;
	struct str text;
};

static bool
same_text(const void *ctx, uint32_t index)
{
	const struct wanted *wanted = ctx;

	return str_eq_c(wanted->text, wanted->names->text[index]);
}

uint32_t
names_number(struct names *names, struct str text)
{
	uint64_t hash = table_hash_str(text);
	struct wanted wanted = {names, text};
	uint32_t at = table_find(&names->table, hash, same_text, &wanted);
	size_t cap = names->cap ? names->cap * 2 : 64;
	char **more;

	if (at != TABLE_NONE)
		return at;
	if (names->count == names->cap) {
		more = reallocarray(names->text, cap, sizeof(*more));
		if (!more)
			return TABLE_NONE;
		names->text = more;
		names->cap = cap;
	}
	at = (uint32_t)names->count;
	names->text[at] = str_dup(text);
	if (!names->text[at])
		return TABLE_NONE;
	names->count++;
	return table_add(&names->table, hash, at) < 0 ? TABLE_NONE : at;
}

/* ---- ids ---------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool
read_uuid(struct str text, struct ident *out)
{
	uint64_t part[2] = {0, 0};
	size_t i, digits = 0;
	int digit;

	if (text.len != UUID_CHARS)
		return false;
	for (i = 0; i < UUID_CHARS; i++) {
		if (is_dash(i)) {
			if (text.data[i] != '-')
				return false;
			continue;
		}
		digit = hex_digit(text.data[i]);
		if (digit < 0)
			return false;
		part[digits / 16] = part[digits / 16] << 4 | (unsigned)digit;
		digits++;
	}
	*out = (struct ident){part[0], part[1], IDENT_UUID};
	return true;
}

bool
ident_of_text(struct names *names, struct str text, struct ident *out)
{
	uint32_t number;
	int64_t n;

	if (read_uuid(text, out))
		return true;
	if (str_i64(text, &n)) {
		*out = (struct ident){0, (uint64_t)n, IDENT_NUMBER};
		return true;
	}
	number = names_number(names, text);
	*out = (struct ident){0, number, IDENT_TEXT};
	return number != TABLE_NONE;
}

bool
ident_of_json(struct names *names, struct json token, struct ident *out)
{
	struct buf scratch = {0};
	struct str text;
	int64_t n;
	bool ok;

	if (json_i64(token, &n)) {
		*out = (struct ident){0, (uint64_t)n, IDENT_NUMBER};
		return true;
	}
	ok = json_text(token, &scratch, &text) &&
	     ident_of_text(names, text, out);
	buf_release(&scratch);
	return ok;
}

static void
print_uuid(struct buf *out, const struct ident *id)
{
	buf_printf(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(id->hi >> 32),
		(unsigned)(id->hi >> 16) & 0xffff, (unsigned)id->hi & 0xffff,
		(unsigned)(id->lo >> 48),
		(unsigned long long)id->lo & 0xffffffffffff);
}

void
ident_print(
	struct buf *out, const struct names *names, const struct ident *ident)
{
	switch (ident->kind) {
	case IDENT_UUID:
		print_uuid(out, ident);
		break;
	case IDENT_NUMBER:
		buf_add_i64(out, (int64_t)ident->lo);
		break;
	case IDENT_TEXT:
		buf_add_c(out, names->text[ident->lo]);
		break;
	default:
		buf_add_c(out, "(none)");
	}
}

uint64_t
key_hash(const struct key *key)
{
	uint64_t hash =
		table_hash((uint64_t)key->room_id, (uint64_t)key->sender_id);

	return table_hash(hash ^ key->id.hi, key->id.lo + key->id.kind);
}

bool
key_same(const struct key *a, const struct key *b)
{
	return a->room_id == b->room_id && a->sender_id == b->sender_id &&
	       a->id.hi == b->id.hi && a->id.lo == b->id.lo &&
	       a->id.kind == b->id.kind;
}
