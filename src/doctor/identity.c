/* Who we are, and whether our clock is right. */
#include <stdlib.h>

#include "aws/sts.h"
#include "base/clock.h"
#include "doctor/doctor.h"

#define OFFSET_MAX_MS 60000 /* signatures fail from 5 minutes on; schedules are late before */

static void look_at_clock(struct doctor *d, const struct reply *r)
{
	const char *date = reply_header(r, "date");
	struct instant there;
	struct span off;
	char text[CLOCK_TEXT_MAX];

	if (!date || clock_parse_http(date, &there, NULL) < 0)
		return;
	off = instant_since(clock_wall(), there);
	if (llabs(off.ms) <= OFFSET_MAX_MS)
		return;
	clock_print_span(span_ms(llabs(off.ms)), text);
	doctor_add(d, DOCTOR_WARN, "clock", "this machine",
		   "let chrony or systemd-timesyncd set the clock",
		   "its clock is %s %s of the service's", text, off.ms > 0 ? "ahead" : "behind");
}

void doctor_identity_look(struct doctor *d, struct lane *l)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	struct sts_identity who;

	aws_sts_identity_ask(&c.request);
	if (!doctor_call(d, l, &c, "credentials", NULL)) {
		look_at_clock(d, &c.reply);
		return;
	}
	look_at_clock(d, &c.reply);
	if (aws_sts_identity_read(&c.reply, &who, NULL) == 0)
		doctor_add(d, DOCTOR_NOTE, "identity", "credentials", NULL, "%.400s", who.arn);
}
