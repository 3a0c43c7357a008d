/* Calls for programs that wait. */
#include "aws/lane_own.h"

struct run {
	struct loop *loop;
	size_t left;
};

static void done(struct aws_call *c, void *arg)
{
	struct run *r = arg;

	(void)c;
	if (--r->left == 0)
		loop_stop(r->loop);
}

void aws_run(struct lane *l, struct aws_call *const *calls, size_t n, struct span deadline)
{
	struct run r = { .loop = l->loop, .left = n };

	for (size_t i = 0; i < n; i++)
		lane_start(l, calls[i], deadline, done, &r);
	if (n)
		loop_run(l->loop);
}

void aws_run_one(struct lane *l, struct aws_call *c, struct span deadline)
{
	aws_run(l, &c, 1, deadline);
}
