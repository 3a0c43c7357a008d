/* The clock that services see: real time, moved on request and run at a rate of choice. It is kept,
 * since what stands in the database was stamped by it. */
#include <math.h>

#include "base/clock.h"
#include "local/call.h"
#include "local/cloudwatch.h"
#include "local/fleet.h"
#include "local/schema.h"
#include "local/sqs.h"

const char local_clock_schema[] = "CREATE TABLE local_clock(id INTEGER PRIMARY KEY CHECK(id=1),"
				  " real INTEGER NOT NULL, seen INTEGER NOT NULL, rate REAL NOT "
				  "NULL);";

struct instant local_wall(const struct local *l)
{
	const struct local_clock *c = &l->clock;
	const int64_t passed = clock_wall().ms - c->real.ms;

	if (c->rate == 1)
		return (struct instant){ c->seen.ms + passed };
	return (struct instant){ c->seen.ms + (int64_t)((double)passed * c->rate) };
}

struct span local_real(const struct local *l, struct span seen)
{
	if (l->clock.rate == 1)
		return seen;
	return span_ms((int64_t)ceil((double)seen.ms / l->clock.rate));
}

static int clock_store(struct local *l, struct err *e)
{
	return DB_RUN(l->db, e, "INSERT OR REPLACE INTO local_clock VALUES(1,?,?,?)",
		      DB_I(l->clock.real.ms), DB_I(l->clock.seen.ms), DB_D(l->clock.rate));
}

/* Goes on from where it is. */
static void clock_rebase(struct local *l, struct span by, double rate)
{
	const struct instant seen = instant_add(local_wall(l), by);

	l->clock = (struct local_clock){ .real = clock_wall(), .seen = seen, .rate = rate };
}

int local_clock_open(struct local *l, struct err *e)
{
	const double rate = l->options.clock_rate > 0 ? l->options.clock_rate : 1;
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT real, seen, rate FROM local_clock", NULL, 0, e);
	int rc = r ? db_step(r, e) : -1;

	if (rate != 1 && !local_serve_is_loopback(l->options.listen))
		return err_set(e, ERR_POLICY, "--clock-rate is for a loopback address only");
	l->clock = (struct local_clock){ clock_wall(), clock_wall(), 1 };
	if (rc < 0)
		return -1;
	if (rc == 1)
		l->clock =
			(struct local_clock){ { db_int(r, 0) }, { db_int(r, 1) }, db_real(r, 2) };
	db_endp(&r);
	if (l->clock.rate == rate)
		return 0;
	clock_rebase(l, span_ms(0), rate);
	return clock_store(l, e);
}

int local_clock_set(struct local *l, struct span by, double rate, struct err *e)
{
	clock_rebase(l, by, rate);
	if (clock_store(l, e) < 0)
		return -1;
	local_sqs_clock_moved(l->sqs);
	local_fleet_wake(l);
	return local_cloudwatch_clock_moved(l, e);
}
