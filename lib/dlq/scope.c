/* dlq/scope.c - see scope.h. */
#include "dlq/scope.h"

static int
set_spec(const char *option, const char *text, struct spec *spec,
	struct err *err)
{
	if (!text || spec_parse(spec, text, err) == 0)
		return 0;
	return err_prefix(err, "option '%s'", option);
}

static int
set_time(const char *option, const char *text, int64_t *ms, struct err *err)
{
	struct spec spec = {0};

	*ms = -1;
	if (text &&
		(spec_parse(&spec, text, err) < 0 || spec.kind != SPEC_TIME))
		return err_set(err,
			"option '%s': '%s' is no time: "
			"YYYY-MM-DDTHH:MM:SSZ or @SECONDS",
			option, text);
	if (text)
		*ms = spec.n;
	return 0;
}

int
scope_parse(const struct scope *scope, struct choice *choice,
	struct source_place *place, struct err *err)
{
	*place = (struct source_place){.partition = (int32_t)scope->partition,
		.from = {SPEC_START, 0},
		.to = {SPEC_END, 0}};
	if (set_time("--since", scope->since, &choice->since_ms, err) < 0 ||
		set_time("--until", scope->until, &choice->until_ms, err) < 0)
		return -1;
	/* What is older does not have to be read. */
	if (scope->since)
		place->from = (struct spec){SPEC_TIME, choice->since_ms};
	if (set_spec("-o", scope->from, &place->from, err) < 0)
		return -1;
	return set_spec("-e", scope->to, &place->to, err);
}

bool
scope_is_narrow(const struct scope *scope)
{
	return scope->from || scope->to || scope->partition >= 0;
}

int
scope_letter(const char *text, char **topic, struct source_place *place,
	struct err *err)
{
	struct str name, rest, part;
	int64_t partition, offset;

	if (!str_cut(str_c(text), '/', &name, &rest) || !name.len ||
		!str_cut(rest, '/', &part, &rest) ||
		!str_i64(part, &partition) || partition < 0 ||
		partition > INT32_MAX || !str_i64(rest, &offset) ||
		offset < 0 || offset == INT64_MAX)
		return err_set(err, "'%s' is no TOPIC/PARTITION/OFFSET", text);
	*topic = str_dup(name);
	if (!*topic)
		return err_set(err, "out of memory");
	place->partition = (int32_t)partition;
	place->from = (struct spec){SPEC_OFFSET, offset};
	place->to = (struct spec){SPEC_OFFSET, offset + 1};
	place->one = true;
	return 0;
}
