/* After a worker that could not tidy up: takes this instance's protection from scale-in away, as a
 * unit's ExecStopPost. A protection that nobody needs keeps a machine for ever. */
#include <string.h>

#include "aws/autoscaling.h"
#include "aws/imds.h"
#include "aws/lane.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

#define CALL_S 15

struct unprotect {
	struct loop *loop;
	struct lane *lane;
	struct imds *imds;
	struct aws_call call;
	char *id;
	struct err *e;
};

static void cleared(struct aws_call *c, void *arg)
{
	struct unprotect *u = arg;

	if (aws_autoscaling_none_read(&c->reply, u->e) == 0)
		LOG_INFO("protection from scale-in cleared", LOG_S("instance", u->id));
	loop_stop(u->loop);
}

static void group_come(struct aws_call *c, void *arg)
{
	struct unprotect *u = arg;
	AUTO(asg_instances_done) struct asg_instances found = { 0 };
	const char *const ids[] = { u->id };

	if (aws_autoscaling_instances_read(&c->reply, &found, u->e) < 0 || found.count == 0 ||
	    !found.list[0].protected) {
		if (u->e->kind == ERR_NONE)
			LOG_INFO("not protected: nothing to clear", LOG_S("instance", u->id));
		loop_stop(u->loop);
		return;
	}
	aws_call_done(c);
	aws_autoscaling_protect_ask(&c->request, found.list[0].group, ids, 1, false);
	lane_start(u->lane, c, span_s(CALL_S), cleared, u);
}

static void id_come(const char *text, const struct err *e, void *arg)
{
	struct unprotect *u = arg;
	const char *ids[1];

	if (!text) {
		*u->e = *e;
		loop_stop(u->loop);
		return;
	}
	u->id = own_strdup(text);
	ids[0] = u->id;
	aws_autoscaling_instances_ask(&u->call.request, ids, 1, NULL);
	lane_start(u->lane, &u->call, span_s(CALL_S), group_come, u);
}

int worker_unprotect(const struct worker_options *o, struct err *e)
{
	struct lane_options lane = { .region = o->region };
	struct unprotect u = { .e = e };

	if (!worker_life_on_ec2()) {
		LOG_INFO("no instance here: nothing to clear");
		return 0;
	}
	u.loop = loop_new();
	u.lane = lane_new(u.loop, &lane, e);
	if (u.lane) {
		u.imds = imds_new(u.loop);
		imds_get(u.imds, IMDS_INSTANCE_ID, id_come, &u);
		loop_run(u.loop);
		imds_free(u.imds);
		lane_cancel(u.lane, &u.call);
		aws_call_done(&u.call);
	}
	lane_free(u.lane);
	loop_free(u.loop);
	own_free(u.id);
	return e->kind == ERR_NONE ? 0 : err_wrap(e, "clearing the protection from scale-in");
}
