#include <stdlib.h>
#include <string.h>

#include "aws/sqs.h"
#include "base/own.h"
#include "observe/celery.h"
#include "observe/meter.h"
#include "observe/observe.h"
#include "observe/observe_own.h"

#define ACTIVITIES_MOST 20 /* of one answer: the newest */
#define EXTRAS_A_MINUTE 60 /* a region without capacity must not cost a call for each group */

/* Who gets what a read brings: a want's group (metric < 0) or one of its metrics. */
struct subscriber {
	struct observe_want *want;
	int metric;
};

struct read {
	struct aws_call call;
	struct observe *owner;
	struct read *next;
	struct lane *lane;
	const char *url;                    /* a queue's; NULL: a describe of groups, or */
	const struct policy_celery *celery; /* a queue of Celery's */
	struct instant now;
	struct span deadline;
	struct subscriber *to;
	size_t to_count;
	enum extra { /* of one group */
		     EXTRA_NONE,
		     EXTRA_ACTIVITIES,
		     EXTRA_REFRESH
	} extra;
	char **names; /* groups of a describe; a page brings some of them */
	size_t name_count;
};

struct observe {
	observe_done_fn *fn;
	void *arg;
	struct read *reads; /* under way */
	struct instant budget_from;
	int budget_spent; /* extras asked for since then */
	struct observe_celery *celery;
	struct observe_meters *meters;
};

struct observe *observe_new(struct loop *l, observe_done_fn *fn, void *arg)
{
	struct observe *o = own_alloc(sizeof(*o));

	o->celery = observe_celery_new(l);
	o->meters = observe_meters_new();
	o->fn = fn;
	o->arg = arg;
	return o;
}

static void read_free(struct read *r)
{
	aws_call_done(&r->call);
	for (size_t i = 0; i < r->name_count; i++)
		own_free(r->names[i]);
	own_free(r->names);
	own_free(r->to);
	own_free(r);
}

void observe_free(struct observe *o)
{
	if (!o)
		return;
	observe_celery_free(o->celery);
	observe_meters_free(o->meters);
	while (o->reads) {
		struct read *r = o->reads;

		o->reads = r->next;
		if (r->lane)
			lane_cancel(r->lane, &r->call);
		read_free(r);
	}
	own_free(o);
}

static void read_unlink(struct observe *o, struct read *gone)
{
	for (struct read **p = &o->reads; *p; p = &(*p)->next)
		if (*p == gone) {
			*p = gone->next;
			return;
		}
}

void observe_failed(struct observe_want *w, const struct err *e, const char *what, const char *name)
{
	if (w->failures++ > 0)
		return;
	w->err = own_alloc(sizeof(*w->err));
	*w->err = *e;
	err_ignore(err_wrap(w->err, "reading %s '%s'", what, name));
}

/* The last read of a want ends it. Its subscriber must not be touched afterwards. */
void observe_less(struct observe *o, struct observe_want *w)
{
	if (--w->left == 0)
		o->fn(w, o->arg);
}

static struct read *read_new(struct observe *o, struct lane *lane, struct instant now,
			     struct span deadline)
{
	struct read *r = own_alloc(sizeof(*r));

	r->owner = o;
	r->lane = lane;
	r->now = now;
	r->deadline = deadline;
	return r;
}

static void subscribe(struct read *r, struct observe_want *w, int metric)
{
	r->to = own_grow(r->to, r->to_count + 1, sizeof(*r->to));
	r->to[r->to_count++] = (struct subscriber){ w, metric };
	w->left++;
}

void observe_seen_done(struct observe_seen *s)
{
	if (!s)
		return;
	own_free(s->item);
	*s = (struct observe_seen){ 0 };
}

/* What a call took, told to all who wait for it. */
static void spend(struct read *r)
{
	int64_t share =
		r->to_count ? r->call.reply.attempts * FACTS_MICRO / (int64_t)r->to_count : 0;

	for (size_t i = 0; i < r->to_count; i++) {
		struct facts_spent *s = &r->to[i].want->facts->spent;

		*(r->url ? &s->sqs : &s->autoscaling) += share;
	}
}

/* --- queues */

static void fact_of_depth(struct fact *f, const struct depth *d, unsigned has, struct instant now)
{
	f->is_queue = true;
	if (d->visible < 0 || d->in_flight < 0 || d->delayed < 0) {
		f->why = FACT_NONSENSE;
		return;
	}
	f->why = FACT_READABLE;
	f->seen_at = now;
	f->has = has;
	f->visible = d->visible;
	f->in_flight = d->in_flight;
	f->delayed = d->delayed;
}

/* What was seen of a queue, or why not, to all who wait for it. */
static void queue_seen(struct read *r, const struct depth *depth, unsigned has, const struct err *e)
{
	struct observe *o = r->owner;

	read_unlink(o, r);
	for (size_t i = 0; i < r->to_count; i++) {
		struct observe_want *w = r->to[i].want;
		struct fact *f = &w->facts->metric[r->to[i].metric];

		if (depth) {
			fact_of_depth(f, depth, has, r->now);
		} else {
			f->is_queue = true;
			f->why = observe_why(e);
			observe_failed(w, e, "queue metric",
				       w->policy->metrics[r->to[i].metric].name);
		}
		observe_less(o, w);
	}
	read_free(r);
}

static void queue_done(struct aws_call *c, void *arg)
{
	struct depth depth;
	struct err e;
	int rc = aws_sqs_depth_read(&c->reply, &depth, &e);

	spend(arg);
	queue_seen(arg, rc < 0 ? NULL : &depth, QUEUE_VISIBLE | QUEUE_IN_FLIGHT | QUEUE_DELAYED,
		   &e);
}

/* What workers say they run is work that is in flight, and was held nowhere. */
static void celery_done(const struct observe_celery_seen *s, const struct err *e, void *arg)
{
	struct read *r = arg;
	struct depth depth = { 0 };
	unsigned has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT;

	if (s) {
		depth.visible = s->depth.waiting;
		depth.in_flight = s->depth.held;
	}
	if (s && s->asked) {
		has |= QUEUE_EARLY;
		depth.in_flight = time_add_(depth.in_flight, s->busy.running);
		for (size_t i = 0; i < r->to_count; i++) {
			struct fact *f = &r->to[i].want->facts->metric[r->to[i].metric];

			f->early = s->busy.running;
			f->early_silent = s->busy.workers - s->busy.answered;
		}
	}
	queue_seen(r, s ? &depth : NULL, has, e);
}

/* --- groups */

static struct span warm_up_of(const struct policy *p)
{
	return p->fleet.warm_up.ms == POLICY_AUTO ? span_ms(0) : p->fleet.warm_up;
}

static void groups_failed(struct read *r, const struct err *e)
{
	for (size_t i = 0; i < r->to_count; i++) {
		struct observe_want *w = r->to[i].want;

		w->facts->group.why = observe_why(e);
		observe_failed(w, e, "Auto Scaling group", w->policy->fleet.auto_scaling_group);
	}
}

/* --- what is asked of a group only when its instances do not tell */

static void activities_done(struct aws_call *c, void *arg)
{
	struct read *r = arg;
	struct observe *o = r->owner;
	AUTO(asg_activities_done) struct asg_activities list = { 0 };
	struct err e;
	int rc = aws_autoscaling_activities_read(&c->reply, &list, &e);

	spend(r);
	read_unlink(o, r);
	for (size_t i = 0; i < r->to_count; i++) {
		struct observe_want *w = r->to[i].want;

		/* Not a failure of the turn: a permission that is missing costs the reason, not
		 * the plan. */
		if (rc < 0)
			w->facts->group.launch_read = observe_why(&e);
		else
			observe_launch_count(&list, w->seen, r->now, &w->facts->group);
		observe_less(o, w);
	}
	read_free(r);
}

static bool budget_allows(struct observe *o, struct instant now)
{
	int64_t ago = instant_since(now, o->budget_from).ms;

	if (ago < 0 || ago >= 60000) {
		o->budget_from = now;
		o->budget_spent = 0;
	}
	return o->budget_spent++ < EXTRAS_A_MINUTE;
}

static void refresh_done(struct aws_call *c, void *arg)
{
	struct read *r = arg;
	struct observe *o = r->owner;
	struct asg_refresh seen;
	struct err e;
	int rc = aws_autoscaling_refresh_read(&c->reply, &seen, &e);

	spend(r);
	read_unlink(o, r);
	for (size_t i = 0; i < r->to_count; i++) {
		struct observe_want *w = r->to[i].want;

		observe_refresh_seen(rc < 0 ? NULL : &seen, w->seen, &w->facts->group);
		observe_less(o, w);
	}
	read_free(r);
}

/* A policy and its shadows have one group, and one call for it. */
static void want_extra(struct read *of, struct observe_want *w, enum extra what)
{
	struct observe *o = of->owner;
	const char *group = w->policy->fleet.auto_scaling_group;
	struct read *r;

	for (r = o->reads; r; r = r->next)
		if (r->extra == what && r->lane == of->lane && r->now.ms == of->now.ms &&
		    strcmp(r->to[0].want->policy->fleet.auto_scaling_group, group) == 0)
			break;
	if (!r && !budget_allows(o, of->now))
		return;
	*(what == EXTRA_REFRESH ? &w->seen->refresh_at : &w->seen->asked_at) = of->now;
	if (r) {
		subscribe(r, w, -1);
		return;
	}
	r = read_new(o, of->lane, of->now, of->deadline);
	r->extra = what;
	subscribe(r, w, -1);
	r->next = o->reads;
	o->reads = r;
	if (what == EXTRA_REFRESH)
		aws_autoscaling_refresh_ask(&r->call.request, group);
	else
		aws_autoscaling_activities_ask(&r->call.request, group, ACTIVITIES_MOST);
	lane_start(r->lane, &r->call, r->deadline,
		   what == EXTRA_REFRESH ? refresh_done : activities_done, r);
}

/* Serves the subscribers whose group is in this page and takes them off the list. */
static void groups_page(struct read *r, const struct asg_groups *page)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->to_count; i++) {
		struct observe_want *w = r->to[i].want;
		const struct asg_group *g =
			asg_group_find(page, w->policy->fleet.auto_scaling_group);

		if (!g) {
			r->to[kept++] = r->to[i];
			continue;
		}
		observe_count_group(g, r->now, warm_up_of(w->policy), w->seen, &w->facts->group);
		if (observe_launch_due(w->seen, r->now))
			want_extra(r, w, EXTRA_ACTIVITIES);
		if (observe_refresh_due(w->seen, &w->facts->group, r->now))
			want_extra(r, w, EXTRA_REFRESH);
		observe_less(r->owner, w);
	}
	r->to_count = kept;
}

static void groups_done(struct aws_call *c, void *arg)
{
	struct read *r = arg;
	struct observe *o = r->owner;
	AUTO(asg_groups_done) struct asg_groups page = { 0 };
	struct err e;

	spend(r);
	if (aws_autoscaling_groups_read(&c->reply, &page, &e) < 0) {
		groups_failed(r, &e);
	} else {
		groups_page(r, &page);
		if (r->to_count > 0 && page.next_token) {
			AUTO(own_freep) char *token = own_strdup(page.next_token);

			aws_autoscaling_groups_ask(&c->request, (const char *const *)r->names,
						   r->name_count, token);
			lane_start(r->lane, c, r->deadline, groups_done, r);
			return;
		}
		err_ignore(err_set(&e, ERR_NOT_FOUND,
				   "no such group in this account and region"
				   " -> check fleet.auto_scaling_group and fleet.region"));
		if (r->to_count > 0)
			groups_failed(r, &e);
	}
	read_unlink(o, r);
	for (size_t i = 0; i < r->to_count; i++)
		observe_less(o, r->to[i].want);
	read_free(r);
}

/* --- asking */

static void want_queue(struct observe *o, struct read **batch, struct observe_want *w,
		       size_t metric, struct instant now, struct span deadline)
{
	const char *url = w->policy->metrics[metric].sqs.queue_url;
	struct read *r;

	for (r = *batch; r; r = r->next)
		if (r->url && r->lane == w->metric_lane[metric] && strcmp(r->url, url) == 0)
			break;
	if (!r) {
		r = read_new(o, w->metric_lane[metric], now, deadline);
		r->url = url;
		aws_sqs_depth_ask(&r->call.request, url);
		r->next = *batch;
		*batch = r;
	}
	subscribe(r, w, (int)metric);
}

static void want_celery(struct observe *o, struct read **batch, struct observe_want *w,
			size_t metric, struct instant now, struct span deadline)
{
	const struct policy_celery *m = &w->policy->metrics[metric].celery;
	struct read *r;

	for (r = *batch; r; r = r->next)
		if (r->celery && observe_celery_same(r->celery, m))
			break;
	if (!r) {
		r = read_new(o, NULL, now, deadline);
		r->celery = m;
		r->next = *batch;
		*batch = r;
	}
	subscribe(r, w, (int)metric);
}

static void want_group(struct observe *o, struct read **batch, struct observe_want *w,
		       struct instant now, struct span deadline)
{
	const char *name = w->policy->fleet.auto_scaling_group;
	struct read *r;

	for (r = *batch; r; r = r->next) {
		if (r->url || r->celery || r->lane != w->group_lane)
			continue;
		for (size_t i = 0; i < r->name_count; i++)
			if (strcmp(r->names[i], name) == 0) {
				subscribe(r, w, -1);
				return;
			}
		if (r->name_count < AUTOSCALING_NAMES_MAX)
			break;
	}
	if (!r) {
		r = read_new(o, w->group_lane, now, deadline);
		r->next = *batch;
		*batch = r;
	}
	r->names = own_grow(r->names, r->name_count + 1, sizeof(*r->names));
	r->names[r->name_count++] = own_strdup(name);
	subscribe(r, w, -1);
}

void observe_ask(struct observe *o, struct observe_want *const *wants, size_t n, struct instant now,
		 struct span deadline)
{
	struct read *batch = NULL;

	for (size_t i = 0; i < n; i++) {
		struct observe_want *w = wants[i];

		w->left = 0;
		w->failures = 0;
		w->err = NULL;
		w->facts->spent = (struct facts_spent){ 0 };
		w->facts->metric_count = w->policy->metric_count;
		want_group(o, &batch, w, now, deadline);
		for (size_t m = 0; m < w->policy->metric_count; m++)
			if (w->policy->metrics[m].source == POLICY_SQS)
				want_queue(o, &batch, w, m, now, deadline);
			else if (w->policy->metrics[m].source == POLICY_CELERY)
				want_celery(o, &batch, w, m, now, deadline);
			else if (w->policy->metrics[m].source == POLICY_CLOUDWATCH)
				observe_meter_fact(o, o->meters, w, m, now);
			else /* made of others */
				w->facts->metric[m].why = FACT_UNSUPPORTED;
	}
	observe_meters_ask(o->meters, now, deadline);
	while (batch) {
		struct read *r = batch;

		batch = r->next;
		r->next = o->reads;
		o->reads = r;
		if (r->celery) {
			observe_celery_ask(o->celery, r->celery, r->deadline, celery_done, r);
			continue;
		}
		if (!r->url)
			aws_autoscaling_groups_ask(&r->call.request, (const char *const *)r->names,
						   r->name_count, NULL);
		lane_start(r->lane, &r->call, r->deadline, r->url ? queue_done : groups_done, r);
	}
}
