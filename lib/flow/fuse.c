/* flow/fuse.c - see fuse.h. */
#include "flow/fuse.h"

#include "base/str.h"

int
fuse_parse(struct fuse_limit *limit, const char *text, struct err *err)
{
	struct str dead = str_c(text), of = dead;
	int64_t n, m;

	if (!str_cut(of, '/', &dead, &of))
		of = dead;
	if (!str_i64(dead, &n) || !str_i64(of, &m) || n < 1 || m < n ||
		m > FUSE_MAX)
		return err_set(err,
			"'%s' is no fuse: N, or N/M with N up to M, and M up "
			"to %d",
			text, FUSE_MAX);
	*limit = (struct fuse_limit){.dead = (int)n, .of = (int)m};
	return 0;
}

void
fuse_reset(struct fuse *fuse)
{
	*fuse = (struct fuse){0};
}

/* Puts one in the place of the oldest. */
static void
push(struct fuse *fuse, int of, bool dead)
{
	uint64_t *word = &fuse->died[fuse->at / 64];
	uint64_t bit = (uint64_t)1 << fuse->at % 64;

	fuse->dead += dead - !!(*word & bit);
	*word = dead ? *word | bit : *word & ~bit;
	fuse->at = (fuse->at + 1) % of;
}

bool
fuse_add(struct fuse *fuse, const struct fuse_limit *limit, bool dead)
{
	if (!limit->of)
		return false;
	if (fuse->blown)
		return true;
	push(fuse, limit->of, dead);
	fuse->blown = fuse->dead >= limit->dead;
	return fuse->blown;
}
