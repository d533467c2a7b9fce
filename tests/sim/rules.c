/* tests/sim/rules.c - see base/rule.h: the rules by name. */
#include <stdio.h>
#include <string.h>

#include "base/rule.h"
#include "run.h"

static const struct {
	const char *name, *text;
} rules[] = {
#define ROW(name, text) {#name, text},
	RULES(ROW)
#undef ROW
};

#ifdef CHAT_RULES
bool rule_off[RULE_COUNT];

bool
rules_can_be_off(void)
{
	return true;
}

void
rule_set(int rule, bool off)
{
	rule_off[rule] = off;
}
#else
bool
rules_can_be_off(void)
{
	return false;
}

void
rule_set(int rule, bool off)
{
	(void)rule;
	(void)off;
}
#endif

int
rules_count(void)
{
	return (int)ARRAY_LEN(rules);
}

const char *
rule_name(int rule)
{
	return rules[rule].name;
}

const char *
rule_text(int rule)
{
	return rules[rule].text;
}

int
rule_find(const char *name)
{
	int i;

	for (i = 0; i < rules_count(); i++)
		if (strcmp(rules[i].name, name) == 0)
			return i;
	return -1;
}

void
rules_list(void)
{
	int i;

	for (i = 0; i < rules_count(); i++)
		printf("%-32s %s\n", rules[i].name, rules[i].text);
}
