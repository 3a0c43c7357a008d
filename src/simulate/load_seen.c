/* Arrivals from what was seen of a queue: a controller's samples hold counts, not arrivals.
 *
 * Between two samples, the jobs that came are those by which the queue grew and those that were
 * done: jobs in flight, times the time between, over the time of one job. It is an estimate, as
 * good as the service time it is told; jobs that come and are done between two looks are in it
 * only by their part in the counts.
 */
#include <math.h>
#include <string.h>

#include "simulate/load.h"

#define BIN_US (60 * (int64_t)LOAD_US)
#define GAP_US (3600 * (int64_t)LOAD_US) /* nothing is known of a longer one */

void load_seen_begin(struct load_seen *s, double service_us)
{
	memset(s, 0, sizeof(*s));
	s->service_us = service_us;
	load_init(&s->load, true);
	s->load.bin_us = BIN_US;
}

static int flush(struct load_seen *s, struct err *e)
{
	int64_t n = s->owed > 0 ? (int64_t)s->owed : 0;

	s->owed -= (double)n;
	return load_add(&s->load, s->bin * BIN_US, n, e);
}

int load_seen_add(struct load_seen *s, struct instant at, int64_t visible, int64_t in_flight,
		  struct err *e)
{
	int64_t bin, gap;

	if (!s->begun) {
		s->load.start = at;
		s->owed = (double)visible; /* were there already: come at once */
	} else {
		gap = (at.ms - s->at.ms) * 1000;
		if (gap < 0)
			return err_set(e, ERR_POLICY, "times are out of order");
		if (gap < GAP_US)
			s->owed += (double)(visible + in_flight - s->visible - s->in_flight) +
				   (double)(in_flight + s->in_flight) / 2 * (double)gap /
					   s->service_us;
	}
	bin = (at.ms - s->load.start.ms) * 1000 / BIN_US;
	if (s->begun && bin != s->bin && flush(s, e) < 0)
		return -1;
	s->begun = true;
	s->bin = bin;
	s->at = at;
	s->visible = visible;
	s->in_flight = in_flight;
	return 0;
}

int load_seen_finish(struct load_seen *s, struct load *ret, struct err *e)
{
	int rc = s->begun ? flush(s, e) : 0;

	*ret = s->load;
	return rc < 0 ? rc : load_finish(ret, e);
}
