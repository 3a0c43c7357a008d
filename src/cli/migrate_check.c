/* windlass migrate check: is everything in place to take a step of the guide. What the doctor knows
 * it is asked; here is what only the way from Celery to SQS needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/doctor_look.h"
#include "cli/migrate.h"
#include "cli/policies.h"

#define OUT_MAX (4u << 20)

struct check {
	struct migrate *m;
	struct doctor_look look;
	struct policy_set set;
	struct lane *lane; /* NULL: there is none, which was said */
	struct depth depth;
	bool queue_read;
};

static bool given(const char *s)
{
	return s && *s;
}

/* --- 1: where you stand */

static void look_at_celery(struct check *c)
{
	struct doctor *d = &c->look.doctor;
	struct broker_celery_depth depth;
	struct err e = { 0 };

	if (!given(c->m->celery.broker_url)) {
		doctor_add(d, DOCTOR_ERROR, "celery-unset", "CELERY_BROKER_URL",
			   "set it as your producers have it",
			   "not set: there is no queue to come from, and none to go back to");
		return;
	}
	if (cli_migrate_connect_celery(c->m, &e) < 0 ||
	    cli_migrate_look_celery(c->m, &depth, &e) < 0) {
		doctor_add(d, DOCTOR_ERROR, "celery-unreadable", "CELERY_BROKER_URL",
			   "user and password of the URL, percent-encoded; EVAL, lists, hashes and "
			   "sorted sets must be allowed",
			   "%s", e.text);
		return;
	}
	doctor_add(d, DOCTOR_NOTE, "celery-queue", c->m->celery.names.queue, NULL,
		   "%lld tasks wait, %lld are held", (long long)depth.waiting,
		   (long long)depth.held);
}

/* --- 2: the queue is made with these credentials */

static void look_at_credentials(struct check *c)
{
	c->lane = cli_doctor_lane(&c->look, c->m->where.region, NULL, NULL);
	if (c->lane)
		doctor_identity_look(&c->look.doctor, c->lane);
}

/* --- 3: queue, dead letters, environment; and this machine, where a worker is to run */

static void look_at_queue(struct check *c)
{
	if (!given(c->m->queue_url)) {
		doctor_add(&c->look.doctor, DOCTOR_ERROR, "queue-unknown", "SQS_QUEUE_URL",
			   "windlass queue create makes it and prints the environment",
			   "not set, and no --queue-url: which queue is to be served?");
		return;
	}
	doctor_environment_look(&c->look.doctor, NULL, 0);
	if (c->lane && given(c->m->queue_url) && strstr(c->m->queue_url, "://"))
		c->queue_read =
			doctor_queue_look(&c->look.doctor, c->lane, c->m->queue_url, &c->depth);
}

static void look_at_machine(struct check *c)
{
	static const char *const programs[] = { "ffmpeg", "ffprobe" };

	for (size_t i = 0; i < COUNT_OF(programs); i++)
		if (!loop_child_findable(programs[i]))
			doctor_add(&c->look.doctor, DOCTOR_NOTE, "no-ffmpeg", programs[i],
				   "install ffmpeg where workers run",
				   "not on this machine: a worker here would park every video");
}

static void before_workers(struct check *c)
{
	look_at_queue(c);
	look_at_machine(c);
}

/* --- 4: the fleet */

static bool follows(const struct policy *p, enum policy_source source)
{
	for (size_t i = 0; i < p->metric_count; i++)
		if (p->metrics[i].source == source)
			return true;
	return false;
}

static void look_at_fleet(struct check *c)
{
	struct doctor *d = &c->look.doctor;
	bool both = false;

	if (!c->m->policies) {
		doctor_add(d, DOCTOR_NOTE, "no-policies", "policies", "give --policies PATH",
			   "neither policies nor groups were looked at");
		return;
	}
	for (size_t i = 0; i < c->set.count; i++) {
		const struct policy *p = c->set.items[i].policy;

		both |= follows(p, POLICY_SQS) && follows(p, POLICY_CELERY);
		cli_doctor_policy(&c->look, p);
	}
	if (!both)
		doctor_add(d, DOCTOR_ERROR, "follows-one", c->m->policies,
			   "as policies/celery-and-sqs.yaml does",
			   "no policy follows both queues: the fleet would not grow with one of "
			   "them while producers move");
}

/* --- 5: producers move */

static void look_at_enforcing(struct check *c)
{
	for (size_t i = 0; i < c->set.count; i++) {
		const struct policy *p = c->set.items[i].policy;

		if (p->mode == POLICY_ENFORCE && follows(p, POLICY_SQS))
			return;
	}
	if (c->m->policies)
		doctor_add(&c->look.doctor, DOCTOR_ERROR, "not-enforced", c->m->policies,
			   "mode: enforce in the policy that follows both queues",
			   "no policy that follows SQS is enforced: nothing would start workers "
			   "for it");
}

static void before_producers(struct check *c)
{
	struct doctor *d = &c->look.doctor;

	look_at_enforcing(c);
	if (!given(getenv("SQS_QUEUE_URL")))
		doctor_add(d, DOCTOR_ERROR, "producer-celery", "SQS_QUEUE_URL",
			   "set it in one producer after the other and start it anew",
			   "not set: a producer with this environment stays with Celery");
	if (c->queue_read && c->depth.visible > 0 && c->depth.in_flight == 0)
		doctor_add(d, DOCTOR_WARN, "nobody-receives", aws_sqs_name(c->m->queue_url),
			   "is a worker running, with this queue's URL, and allowed "
			   "sqs:ReceiveMessage and sqs:DeleteMessage?",
			   "%lld messages wait, and nobody holds one", (long long)c->depth.visible);
}

/* --- back */

static void before_back(struct check *c)
{
	struct doctor *d = &c->look.doctor;

	look_at_celery(c);
	look_at_credentials(c);
	if (given(getenv("SQS_QUEUE_URL")))
		doctor_add(d, DOCTOR_NOTE, "producer-sqs", "SQS_QUEUE_URL",
			   "unset it in the producers and start them anew, then windlass migrate "
			   "rollback",
			   "set: a producer with this environment still sends to SQS");
	if (!given(c->m->queue_url))
		doctor_add(d, DOCTOR_ERROR, "queue-unknown", "SQS_QUEUE_URL", "give --queue-url",
			   "not set: what is left in SQS cannot be moved");
	else if (c->lane)
		c->queue_read = doctor_queue_look(d, c->lane, c->m->queue_url, &c->depth);
	if (c->queue_read)
		doctor_add(d, DOCTOR_NOTE, "left-in-sqs", aws_sqs_name(c->m->queue_url), NULL,
			   "%lld messages wait, %lld are in flight, %lld are delayed: rollback "
			   "moves them",
			   (long long)c->depth.visible, (long long)c->depth.in_flight,
			   (long long)c->depth.delayed);
}

/* --- all of it */

static const struct step {
	const char *word, *title;
	void (*look)(struct check *c);
	bool alone; /* those before it are not asked for */
} steps[] = { { "1", "where you stand", look_at_celery, false },
	      { "2", "the queue, its dead letters, the environment", look_at_credentials, false },
	      { "3", "a worker for both queues", before_workers, false },
	      { "4", "a fleet that follows both", look_at_fleet, false },
	      { "5", "producers move", before_producers, false },
	      { "back", "going back", before_back, true } };

struct report {
	bool json;
	struct buf text;
	struct json *list;
	size_t ills;
};

static void report_step(struct report *r, const struct step *s, const struct doctor *d, size_t from)
{
	size_t ills = 0;

	for (size_t i = from; i < d->count; i++)
		ills += d->list[i].level == DOCTOR_WARN || d->list[i].level == DOCTOR_ERROR;
	buf_addf(&r->text, "step %s, %s: %s\n", s->word, s->title, ills ? "not yet" : "in place");
	for (size_t i = from; i < d->count; i++) {
		struct json *one = cli_doctor_json(&d->list[i]);

		cli_doctor_text(&d->list[i], &r->text);
		json_set_str(one, "step", s->word);
		json_add(r->list, one);
	}
	r->ills += ills;
}

static int print_report(struct report *r)
{
	AUTO(json_freep) struct json *j = NULL;
	int status = r->ills ? CLI_FAILED : CLI_DONE;

	if (!r->json) {
		if (r->ills)
			buf_addf(&r->text, "%zu finding%s\n", r->ills, r->ills == 1 ? "" : "s");
		return cli_print(&r->text, status);
	}
	j = json_object();
	json_set(j, "findings", json_ref(r->list));
	json_set_bool(j, "clean", r->ills == 0);
	buf_clear(&r->text);
	json_write_pretty(j, &r->text);
	return cli_print(&r->text, status);
}

static int look(struct check *c)
{
	struct report r = { .json = strcmp(c->m->output, "json") == 0,
			    .text = BUF(OUT_MAX),
			    .list = json_array() };
	int status;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		bool this = strcmp(steps[i].word, c->m->step) == 0;
		bool back = strcmp(c->m->step, "back") == 0;
		size_t from = c->look.doctor.count;

		if (this || (!back && !steps[i].alone)) {
			steps[i].look(c);
			report_step(&r, &steps[i], &c->look.doctor, from);
		}
		if (this)
			break;
	}
	status = print_report(&r);
	json_free(r.list);
	buf_done(&r.text);
	return status;
}

int cli_migrate_check(struct migrate *m)
{
	struct check c = { .m = m, .look = { .job = { -1 }, .doctor.job = { -1 } } };
	const struct option_list none = { 0 };
	struct err e = { 0 };
	int status;

	if (m->policies && cli_policies_read(m->policies, &none, NULL, &c.set, &e) < 0) {
		policy_set_done(&c.set);
		return cli_fail("migrate check", &e);
	}
	c.look.lanes = control_lanes_new(m->loop);
	status = look(&c);
	control_lanes_free(c.look.lanes);
	doctor_done(&c.look.doctor);
	policy_set_done(&c.set);
	return status;
}
