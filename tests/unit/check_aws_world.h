/* A server that answers by a script, a lane that calls it, and one loop for both. */
#ifndef CHECK_AWS_WORLD_H
#define CHECK_AWS_WORLD_H

#include "aws/lane.h"
#include "base/httpd.h"
#include "check_aws.h"

#define DEPTH                                                     \
	"{\"Attributes\":{\"ApproximateNumberOfMessages\":\"5\"," \
	"\"ApproximateNumberOfMessagesNotVisible\":"              \
	"\"1\",\"ApproximateNumberOfMessagesDelayed\":\"0\"}}"
#define SET_DESIRED \
	"<SetDesiredCapacityResponse xmlns=\"x\"><ResponseMetadata/></SetDesiredCapacityResponse>"
#define JSON_ERROR(code) "{\"__type\":\"com.amazon.coral.service#" code "\",\"message\":\"m\"}"
#define XML_ERROR(code)                                        \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code \
	"</Code><Message>m</Message></Error>"                  \
	"</ErrorResponse>"

#define URL "http://other.example:1/000000000000/q"

struct world_step {
	int status; /* 0: no answer ever */
	const char *body;
	struct httpd_header header;
};

struct world {
	struct loop *loop;
	struct httpd *server;
	struct lane *lane;
	const struct world_step *steps;
	size_t step_count, seen;
	size_t stop_at;             /* the loop stops when so many were seen; 0: never */
	struct instant server_time; /* what the verifier takes for now; never: ours */
	struct err refused;         /* why a signature was */
	char access_key[128];
	char sent_date[32];
	size_t ended;
	struct loop_timer *guard;
};

extern struct cred world_keys;

void world_up(struct world *w, const struct world_step *steps, size_t n);
void world_down(struct world *w);
/* One call to its end; @p deadline as for lane_start(). */
void world_run(struct world *w, struct aws_call *c, struct span deadline);
void world_ended(struct aws_call *c, void *arg); /* counts and stops the loop */

#endif
