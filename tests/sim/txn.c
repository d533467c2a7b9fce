/* tests/sim/txn.c - see kafka.h: transactions, of records and a group's
 * offsets. */
#include "base/rule.h"
#include "kafka.h"
#include "sends.h"

#define OFFSETS_BIT (1u << 31)

static unsigned
bit_of(int topic, int part)
{
	return 1u << (topic * PARTS + part);
}

static bool
ends(const struct txid *txid)
{
	return txid->state == T_COMMITTING || txid->state == T_ABORTING;
}

/* ---- what is in it ------------------------------------------------------- */

static void
touch(struct txid *txid, unsigned bit)
{
	int p;

	if (txid->state == T_EMPTY) {
		txid->state = T_ONGOING;
		txid->began_ms = w.now;
		txid->life = kafka.life;
		for (p = 0; p < PARTS; p++)
			txid->offset[p] = -1;
	}
	txid->parts |= bit;
}

void
txn_add(const struct req *req, struct krec *rec)
{
	touch(&kafka.txid[req->txid], bit_of((int)req->topic, req->part));
	rec->state = K_OPEN;
	rec->txid = req->txid;
	rec->cause = req->cause;
	rec->of = req->of;
}

static enum verdict
serve_offsets(const struct req *req)
{
	struct txid *txid = &kafka.txid[req->txid];
	enum verdict verdict = V_OK;
	int p;

	if (req->epoch != txid->epoch)
		return V_FENCED;
	if (RULE(x_strangers_commit_nothing))
		verdict = coord_check(req);
	if (verdict != V_OK)
		return verdict;
	touch(txid, OFFSETS_BIT);
	for (p = 0; p < PARTS; p++)
		if (req->offset[p] >= 0) {
			txid->offset[p] = req->offset[p];
			txid->order[p] = ++kafka.order;
		}
	return V_OK;
}

bool
txn_unstable(unsigned parts)
{
	int i, p;

	for (i = PRODUCERS; i < TXIDS; i++)
		for (p = 0; p < PARTS; p++)
			if (kafka.txid[i].parts & OFFSETS_BIT &&
				kafka.txid[i].offset[p] >= 0 &&
				parts >> p & 1 && RULE(sim_stable_offsets))
				return true;
	return false;
}

/* ---- I8: all of it or nothing -------------------------------------------- */

static void
count_record(const struct txid *txid, struct krec *rec)
{
	struct krec *cause = rec->cause;
	const struct record *record = &cause->record;

	if (cause->commit != kafka.commits) {
		if (cause->shown && cause->life == kafka.life)
			wrong("I8", "what send%d says is published twice",
				send_of(record->value));
		cause->commit = kafka.commits;
		cause->life = kafka.life;
		cause->shown = 0;
	}
	cause->shown++;
	if (record->offset >= txid->offset[record->partition])
		wrong("I8",
			"what send%d says is published, its offset is not "
			"committed",
			send_of(record->value));
}

static void
check_record(const struct txid *txid, struct krec *rec)
{
	(void)txid;
	if (rec->cause->shown != rec->of)
		wrong("I8", "of what send%d says %d of %d is published",
			send_of(rec->cause->record.value), rec->cause->shown,
			rec->of);
}

static void
each_record(const struct txid *txid,
	void (*act)(const struct txid *txid, struct krec *rec))
{
	int t, p;
	int64_t i;

	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++)
			for (i = 0; txid->parts & bit_of(t, p) &&
				    i < kafka.log[t][p].end;
				i++) {
				struct krec *rec = kafka.log[t][p].rec[i];

				if (rec->state == K_OPEN && rec->cause &&
					rec->txid == (int)(txid - kafka.txid))
					act(txid, rec);
			}
}

static void
check_offsets(const struct txid *txid)
{
	int64_t at;
	int p;

	for (p = 0; p < PARTS; p++)
		for (at = kafka.group[0].committed[p] < 0
				  ? 0
				  : kafka.group[0].committed[p];
			at < txid->offset[p] && at < kafka.log[MESSAGES][p].end;
			at++) {
			const struct krec *rec = kafka.log[MESSAGES][p].rec[at];

			if (rec->said &&
				(!rec->shown || rec->life != kafka.life))
				wrong("I8",
					"send%d's offset is committed, what it "
					"says is not",
					send_of(rec->record.value));
		}
}

/* It is to be committed: nothing can change that any more. */
static void
check(const struct txid *txid)
{
	if (txid < kafka.txid + PRODUCERS || txid->life != kafka.life ||
		kafka.untold)
		return;
	kafka.commits++;
	each_record(txid, count_record);
	each_record(txid, check_record);
	if (txid->parts & OFFSETS_BIT)
		check_offsets(txid);
}

/* ---- its end ------------------------------------------------------------- */

static void
settle(const struct txid *txid, enum topic topic, int part)
{
	struct log *log = &kafka.log[topic][part];
	bool commit = txid->state == T_COMMITTING;
	struct record none = {
		.partition = part, .key_null = true, .value_null = true};
	int64_t i;

	for (i = 0; i < log->end; i++)
		if (log->rec[i]->state == K_OPEN &&
			log->rec[i]->txid == (int)(txid - kafka.txid))
			log->rec[i]->state = commit ? K_COMMITTED : K_ABORTED;
	kafka_append(topic, part, &none)->state = K_MARKER;
	kafka_tell();
}

static void
settle_offsets(const struct txid *txid)
{
	int p;

	for (p = 0; p < PARTS && txid->state == T_COMMITTING; p++)
		if (txid->offset[p] >= 0)
			coord_set(&kafka.group[0], p, txid->offset[p],
				txid->order[p]);
}

bool
txn_can_mark(const struct txid *txid)
{
	return w.broker_up && ends(txid);
}

/* The next of its markers. */
void
txn_mark(struct txid *txid)
{
	unsigned bit = txid->parts & ~(txid->parts - 1);
	int t, p;

	if (txid->parts & OFFSETS_BIT && chance(50))
		bit = OFFSETS_BIT;
	txid->parts &= ~bit;
	trace("kafka: marker of transaction %d: %s", (int)(txid - kafka.txid),
		txid->state == T_COMMITTING ? "committed" : "aborted");
	if (bit == OFFSETS_BIT)
		settle_offsets(txid);
	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++)
			if (bit == bit_of(t, p))
				settle(txid, (enum topic)t, p);
	if (!txid->parts)
		txid->state = T_EMPTY;
}

static void
abort_it(struct txid *txid)
{
	txid->epoch++;
	txid->state = txid->parts ? T_ABORTING : T_EMPTY;
}

static enum verdict
serve_end(const struct req *req)
{
	struct txid *txid = &kafka.txid[req->txid];

	if (req->epoch != txid->epoch)
		return V_FENCED;
	if (txid->state == T_ONGOING) {
		txid->state = req->commit ? T_COMMITTING : T_ABORTING;
		if (req->commit)
			check(txid);
	}
	return V_OK;
}

/* ---- requests ------------------------------------------------------------ */

bool
txn_must_wait(const struct req *req)
{
	const struct txid *txid;

	if (req->txid < 0 || req->kind == R_END)
		return false;
	txid = &kafka.txid[req->txid];
	if (req->kind != R_INIT && req->epoch != txid->epoch)
		return false;
	return ends(txid);
}

bool
txn_aborts(const struct req *req)
{
	if (req->kind != R_INIT || kafka.txid[req->txid].state != T_ONGOING)
		return false;
	abort_it(&kafka.txid[req->txid]);
	return true;
}

enum verdict
txn_serve(struct req *req)
{
	if (req->kind == R_OFFSETS)
		return serve_offsets(req);
	if (req->kind == R_END)
		return serve_end(req);
	req->epoch = ++kafka.txid[req->txid].epoch;
	return V_OK;
}

void
txn_tick(void)
{
	int i;

	for (i = 0; i < TXIDS; i++)
		if (kafka.txid[i].state == T_ONGOING &&
			w.now >= kafka.txid[i].began_ms + TXN_TIMEOUT_MS) {
			trace("kafka: transaction %d has timed out", i);
			abort_it(&kafka.txid[i]);
		}
}

int64_t
txn_deadline(void)
{
	int64_t at = CLOCK_NEVER, then;
	int i;

	for (i = 0; i < TXIDS; i++) {
		then = kafka.txid[i].began_ms + TXN_TIMEOUT_MS;
		if (kafka.txid[i].state == T_ONGOING && then < at)
			at = then;
	}
	return at;
}

/* What was open is ended: its coordinator starts anew, too. */
void
txn_end_all(void)
{
	int i, t, p;
	int64_t at;

	for (i = 0; i < TXIDS; i++) {
		if (kafka.txid[i].state == T_ONGOING)
			abort_it(&kafka.txid[i]);
		while (kafka.txid[i].parts)
			txn_mark(&kafka.txid[i]);
		kafka.txid[i].state = T_EMPTY;
	}
	for (t = 0; t < TOPICS; t++)
		for (p = 0; p < PARTS; p++)
			for (at = 0; at < kafka.log[t][p].end; at++)
				if (kafka.log[t][p].rec[at]->state == K_OPEN)
					kafka.log[t][p].rec[at]->state =
						K_ABORTED;
	kafka_tell();
}
