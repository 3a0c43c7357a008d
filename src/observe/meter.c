#include "observe/meter.h"

#include <string.h>

#include "base/own.h"

#define PERIODS 5 /* looked back: the newest arrives up to three periods late */
#define LOOK_LEAST_S 900
#define EVERY_LEAST_MS 60000

struct meter {
	struct cloudwatch_query query;  /* of the policy's texts */
	struct cloudwatch_query *parts; /* the query's, of an expression */
	struct lane *lane;
	struct meter_to {
		observe_meter_fn *fn;
		void *arg;
	} * to;
	size_t to_count;
	struct facts_spent spent;
};

struct batch {
	struct aws_call call;
	struct observe_meters *owner;
	struct batch *next;
	struct lane *lane;
	struct meter **meters;
	const struct cloudwatch_query **queries; /* of the same, for the call */
	struct cloudwatch_newest *seen;
	size_t count;
	struct instant now;
	struct span deadline;
};

struct observe_meters {
	struct meter **wanted;
	size_t count;
	struct batch *batches; /* under way */
};

struct observe_meters *observe_meters_new(void)
{
	return own_alloc(sizeof(struct observe_meters));
}

static void meter_free(struct meter *m)
{
	own_free(m->to);
	own_free(m->parts);
	own_free(m);
}

static void batch_free(struct batch *b)
{
	aws_call_done(&b->call);
	for (size_t i = 0; i < b->count; i++)
		if (b->meters[i])
			meter_free(b->meters[i]);
	own_free(b->meters);
	own_free(b->queries);
	own_free(b->seen);
	own_free(b);
}

void observe_meters_free(struct observe_meters *m)
{
	if (!m)
		return;
	while (m->batches) {
		struct batch *b = m->batches;

		m->batches = b->next;
		lane_cancel(b->lane, &b->call);
		batch_free(b);
	}
	for (size_t i = 0; i < m->count; i++)
		meter_free(m->wanted[i]);
	own_free(m->wanted);
	own_free(m);
}

struct span observe_meters_every(const struct policy_cloudwatch *c)
{
	return c->period.ms > EVERY_LEAST_MS ? c->period : span_ms(EVERY_LEAST_MS);
}

static bool same_metric(const struct cloudwatch_query *a, const struct cloudwatch_query *b)
{
	if (a->dimension_count != b->dimension_count || strcmp(a->name_space, b->name_space) != 0 ||
	    strcmp(a->metric, b->metric) != 0 || strcmp(a->statistic, b->statistic) != 0 ||
	    !a->account_id != !b->account_id ||
	    (a->account_id && strcmp(a->account_id, b->account_id) != 0))
		return false;
	for (size_t i = 0; i < a->dimension_count; i++)
		if (strcmp(a->names[i], b->names[i]) != 0 ||
		    strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return true;
}

static bool same(const struct cloudwatch_query *a, const struct cloudwatch_query *b)
{
	if (a->period_s != b->period_s || !a->expression != !b->expression ||
	    a->part_count != b->part_count)
		return false;
	if (!a->expression)
		return same_metric(a, b);
	if (strcmp(a->expression, b->expression) != 0)
		return false;
	for (size_t i = 0; i < a->part_count; i++)
		if (strcmp(a->parts[i].id, b->parts[i].id) != 0 ||
		    !same_metric(&a->parts[i], &b->parts[i]))
			return false;
	return true;
}

_Static_assert(POLICY_QUERIES_MAX <= CLOUDWATCH_PARTS_MAX, "an expression fits");

/* @p parts is room for those of an expression; the rest is borrowed of the policy. */
static struct cloudwatch_query query_of(const struct policy_cloudwatch *c,
					struct cloudwatch_query parts[static CLOUDWATCH_PARTS_MAX])
{
	int64_t period_s = c->period.ms / 1000;

	for (size_t i = 0; i < c->query_count; i++) {
		const struct policy_query *q = &c->queries[i];

		parts[i] = (struct cloudwatch_query){ .id = q->id,
						      .name_space = q->name_space,
						      .metric = q->metric,
						      .statistic = q->statistic,
						      .account_id = q->account_id ? q->account_id
										  : c->account_id,
						      .names = q->names,
						      .values = q->values,
						      .dimension_count = q->dimension_count,
						      .period_s = period_s };
	}
	return (struct cloudwatch_query){ .name_space = c->name_space,
					  .metric = c->metric,
					  .statistic = c->statistic,
					  .account_id = c->account_id,
					  .names = c->names,
					  .values = c->values,
					  .dimension_count = c->dimension_count,
					  .expression = c->expression,
					  .parts = parts,
					  .part_count = c->query_count,
					  .period_s = period_s };
}

size_t observe_meters_weight(const struct policy_cloudwatch *c)
{
	return c->expression ? c->query_count + 1 : 1;
}

size_t observe_meters_metrics(const struct policy_cloudwatch *c)
{
	return c->expression ? c->query_count : 1;
}

bool observe_meters_same(const struct policy_cloudwatch *a, const struct policy_cloudwatch *b)
{
	struct cloudwatch_query of_a[CLOUDWATCH_PARTS_MAX], of_b[CLOUDWATCH_PARTS_MAX];
	struct cloudwatch_query x = query_of(a, of_a), y = query_of(b, of_b);

	return same(&x, &y);
}

void observe_meters_want(struct observe_meters *m, struct lane *l,
			 const struct policy_cloudwatch *c, observe_meter_fn *fn, void *arg)
{
	struct cloudwatch_query parts[CLOUDWATCH_PARTS_MAX], q = query_of(c, parts);
	struct meter *one = NULL;

	for (size_t i = 0; i < m->count && !one; i++)
		if (m->wanted[i]->lane == l && same(&m->wanted[i]->query, &q))
			one = m->wanted[i];
	if (!one) {
		one = own_alloc(sizeof(*one));
		one->query = q;
		one->parts = own_array(q.part_count + 1, sizeof(*one->parts));
		memcpy(one->parts, parts, q.part_count * sizeof(*one->parts));
		one->query.parts = one->parts;
		one->lane = l;
		m->wanted = own_grow(m->wanted, m->count + 1, sizeof(*m->wanted));
		m->wanted[m->count++] = one;
	}
	one->to = own_grow(one->to, one->to_count + 1, sizeof(*one->to));
	one->to[one->to_count++] = (struct meter_to){ fn, arg };
}

/* --- answers */

/* Why what was answered is of no use; 0: it is. */
static int refuse(const struct meter *m, const struct cloudwatch_newest *seen, struct err *e)
{
	if (seen->denied)
		return err_set(e, ERR_DENIED,
			       "CloudWatch GetMetricData: Forbidden for this metric");
	if (seen->several)
		return err_set(e, ERR_PROTOCOL,
			       "the expression '%.100s' gives several series -> make one of them "
			       "by SUM, AVG, MIN or MAX",
			       m->query.expression);
	if (!instant_is_never(seen->at))
		return 0;
	if (m->query.expression)
		return err_set(e, ERR_NOT_FOUND,
			       "CloudWatch has no value of '%.100s' in the last periods -> check "
			       "namespace, metric, dimensions and region of its queries",
			       m->query.expression);
	return err_set(e, ERR_NOT_FOUND,
		       "CloudWatch has no value of %.100s %.100s in the last periods -> check "
		       "namespace, metric, dimensions and region",
		       m->query.name_space, m->query.metric);
}

static void tell(struct meter *m, const struct cloudwatch_newest *seen, const struct err *e)
{
	int64_t among = m->to_count ? (int64_t)m->to_count : 1;
	const struct facts_spent share = { .cloudwatch = m->spent.cloudwatch / among,
					   .metrics = m->spent.metrics / among };
	struct err none = { 0 };

	if (seen && refuse(m, seen, &none) < 0) {
		seen = NULL;
		e = &none;
	}
	for (size_t i = 0; i < m->to_count; i++)
		m->to[i].fn(seen, e, &share, m->to[i].arg);
}

static void unlink_batch(struct batch *gone)
{
	for (struct batch **b = &gone->owner->batches; *b; b = &(*b)->next)
		if (*b == gone) {
			*b = gone->next;
			return;
		}
}

static void end(struct batch *b, const struct err *e)
{
	unlink_batch(b);
	for (size_t i = 0; i < b->count; i++)
		tell(b->meters[i], e ? NULL : &b->seen[i], e);
	batch_free(b);
}

static void start(struct observe_meters *o, struct meter **list, size_t n, struct instant now,
		  struct span deadline);

static bool is_invalid(const struct err *e)
{
	return strcmp(e->code, "ValidationError") == 0 ||
	       strcmp(e->code, "ValidationException") == 0 ||
	       strncmp(e->code, "InvalidParameter", 16) == 0;
}

static void ask(struct batch *b, const char *next_token);

/* What is paid for: the expression itself is not a metric. */
static int64_t metrics_of(const struct meter *m)
{
	return m->query.expression ? (int64_t)m->query.part_count : 1;
}

/* Each attempt asks for all of them. */
static void spend(struct batch *b)
{
	int64_t attempts = b->call.reply.attempts;

	for (size_t i = 0; i < b->count; i++) {
		b->meters[i]->spent.cloudwatch += attempts * FACTS_MICRO / (int64_t)b->count;
		b->meters[i]->spent.metrics += attempts * FACTS_MICRO * metrics_of(b->meters[i]);
	}
}

static void answered(struct aws_call *c, void *arg)
{
	struct batch *b = arg;
	AUTO(own_freep) char *next = NULL;
	struct err e = { 0 };

	spend(b);
	if (aws_cloudwatch_newest_read(&c->reply, b->queries, b->count, b->now, b->seen, &next,
				       &e) < 0) {
		if (!is_invalid(&e) || b->count == 1) {
			end(b, &e);
			return;
		}
		start(b->owner, b->meters, b->count / 2, b->now, b->deadline);
		start(b->owner, b->meters + b->count / 2, b->count - b->count / 2, b->now,
		      b->deadline);
		memset(b->meters, 0, b->count * sizeof(struct meter *)); /* theirs now */
		unlink_batch(b);
		batch_free(b);
	} else if (next) {
		ask(b, next);
	} else {
		end(b, NULL);
	}
}

static void ask(struct batch *b, const char *next_token)
{
	int64_t look_s = LOOK_LEAST_S, longest_s = 60;
	struct instant to;

	for (size_t i = 0; i < b->count; i++)
		if (b->meters[i]->query.period_s > longest_s)
			longest_s = b->meters[i]->query.period_s;
	if (PERIODS * longest_s > look_s)
		look_s = PERIODS * longest_s;
	/* Whole minutes, so that the service need not round; the running one is left out by read.
	 */
	to.ms = b->now.ms / 60000 * 60000 + 60000;
	aws_cloudwatch_newest_ask(&b->call.request, b->queries, b->count,
				  instant_add(to, span_s(-look_s)), to, next_token);
	lane_start(b->lane, &b->call, b->deadline, answered, b);
}

/* Takes the meters over. */
static void start(struct observe_meters *o, struct meter **list, size_t n, struct instant now,
		  struct span deadline)
{
	struct batch *b = own_alloc(sizeof(*b));

	*b = (struct batch){ .owner = o,
			     .next = o->batches,
			     .lane = list[0]->lane,
			     .count = n,
			     .now = now,
			     .deadline = deadline };
	o->batches = b;
	b->meters = own_array(n, sizeof(struct meter *));
	b->queries = own_array(n, sizeof(*b->queries));
	b->seen = own_array(n, sizeof(*b->seen));
	for (size_t i = 0; i < n; i++) {
		b->meters[i] = list[i];
		b->queries[i] = &list[i]->query;
		b->seen[i].at = INSTANT_NEVER;
	}
	ask(b, NULL);
}

void observe_meters_ask(struct observe_meters *m, struct instant now, struct span deadline)
{
	while (m->count > 0) {
		struct meter *list[CLOUDWATCH_QUERIES_MAX];
		struct lane *lane = m->wanted[0]->lane;
		size_t n = 0, kept = 0, weight = 0;

		for (size_t i = 0; i < m->count; i++) {
			size_t more = aws_cloudwatch_newest_weight(&m->wanted[i]->query);

			if (m->wanted[i]->lane == lane && weight + more <= CLOUDWATCH_QUERIES_MAX) {
				list[n++] = m->wanted[i];
				weight += more;
			} else {
				m->wanted[kept++] = m->wanted[i];
			}
		}
		m->count = kept;
		start(m, list, n, now, deadline);
	}
}
