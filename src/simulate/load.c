#include "simulate/load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define LOAD_START_MS 1704067200000 /* 2024-01-01, a Monday */
#define MINUTE_US (60 * (int64_t)LOAD_US)
#define HORIZON_US_MAX (3660 * 86400 * (int64_t)LOAD_US)
#define LOAD_TIME_MAX_S 253402300799.0

void load_init(struct load *l, bool binned)
{
	memset(l, 0, sizeof(*l));
	l->binned = binned;
	l->start = (struct instant){ LOAD_START_MS };
}

void load_done(struct load *l)
{
	own_free(l->at_us);
	own_free(l->value);
	memset(l, 0, sizeof(*l));
}

int load_add(struct load *l, int64_t at_us, int64_t value, struct err *e)
{
	if (l->count > 0 && at_us < l->at_us[l->count - 1])
		return err_set(e, ERR_POLICY, "times are out of order");
	if (l->binned && l->count > 0 && at_us == l->at_us[l->count - 1])
		return err_set(e, ERR_POLICY, "a time is there twice");
	if (l->binned && (value < 0 || value > LOAD_JOBS_MAX - l->jobs))
		return err_set(e, ERR_POLICY, "a count is not between 0 and %lld",
			       (long long)LOAD_JOBS_MAX);
	if (l->count >= LOAD_ROWS_MAX)
		return err_set(e, ERR_POLICY, "there are more than %d rows", LOAD_ROWS_MAX);
	if (l->count == l->size) {
		l->size = l->size ? l->size + l->size / 2 : 256;
		l->at_us = own_grow(l->at_us, l->size, sizeof(int64_t));
		if (l->binned || l->has_service)
			l->value = own_grow(l->value, l->size, sizeof(int64_t));
	}
	l->at_us[l->count] = at_us;
	if (l->value)
		l->value[l->count] = value;
	l->jobs += l->binned ? value : 1;
	l->count++;
	return 0;
}

int load_finish(struct load *l, struct err *e)
{
	if (l->count == 0 || l->jobs == 0)
		return err_set(e, ERR_POLICY, "the load is empty: there is no job in it");
	if (l->binned && l->bin_us == 0) {
		l->bin_us = l->count > 1 ? INT64_MAX : MINUTE_US;
		for (size_t i = 1; i < l->count; i++)
			if (l->at_us[i] - l->at_us[i - 1] < l->bin_us)
				l->bin_us = l->at_us[i] - l->at_us[i - 1];
	}
	if (l->horizon_us == 0)
		l->horizon_us = l->binned ? l->at_us[l->count - 1] + l->bin_us
					  : (l->at_us[l->count - 1] / MINUTE_US + 1) * MINUTE_US;
	if (l->horizon_us > HORIZON_US_MAX)
		return err_set(e, ERR_POLICY,
			       "the load lasts longer than ten years: are its times in seconds?");
	return 0;
}

bool load_time(const char *text, size_t len, int64_t *ret_us, bool *ret_wall)
{
	char copy[48], *stop;
	struct instant at;
	double seconds;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (len > 10 && (copy[10] == 'T' || copy[10] == ' ') && copy[4] == '-') {
		copy[10] = 'T';
		*ret_wall = true;
		if (clock_parse(copy, len, &at, NULL) < 0)
			return false;
		*ret_us = at.ms * 1000;
		return true;
	}
	errno = 0;
	seconds = strtod(copy, &stop);
	if (stop == copy || *stop || errno || !(seconds >= 0) || seconds > LOAD_TIME_MAX_S)
		return false;
	*ret_us = llround(seconds * LOAD_US);
	*ret_wall = false;
	return true;
}

int load_read(const char *name, const char *text, size_t len, struct load *ret, struct err *e)
{
	static const char mark[] = "\xEF\xBB\xBF"; /* of byte order, as spreadsheets begin a file */
	size_t i = 0;
	int rc;

	if (len >= 3 && memcmp(text, mark, 3) == 0) {
		text += 3;
		len -= 3;
	}
	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	rc = i < len && (text[i] == '{' || text[i] == '[' || text[i] == '"')
		     ? load_json(name, text, len, ret, e)
		     : load_csv(name, text, len, ret, e);
	if (rc == 0 && load_finish(ret, e) < 0)
		rc = err_wrap(e, "%s", name);
	if (rc < 0)
		load_done(ret);
	return rc;
}

int load_open(const char *what, uint64_t seed, struct load *ret, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(LOAD_FILE_BYTES_MAX);

	if (load_makes(what)) {
		if (load_make(what, seed, ret, e) == 0 && load_finish(ret, e) == 0)
			return 0;
		load_done(ret);
		return err_wrap(e, "load %.60s", what);
	}
	if (buf_read_file(&text, what, e) < 0) {
		if (e)
			e->kind = ERR_POLICY;
		return err_wrap(e, "load");
	}
	return load_read(what, buf_str(&text), text.len, ret, e);
}

double load_peak(const struct load *l)
{
	double most = 0;

	for (size_t i = 0, from = 0; i < l->count; i++) {
		if (l->binned) {
			most = fmax(most, (double)l->value[i] * LOAD_US / (double)l->bin_us);
			continue;
		}
		while (l->at_us[i] - l->at_us[from] > MINUTE_US)
			from++;
		most = fmax(most, (double)(i - from + 1) / 60);
	}
	return most;
}

void load_begin(struct load_cursor *c, const struct load *l, uint64_t seed)
{
	memset(c, 0, sizeof(*c));
	c->load = l;
	rng_seed(&c->rng, seed);
}

/* The next of `left` moments of what is left of a bin: the least of so many at random. */
static int64_t next_of_bin(struct load_cursor *c)
{
	double width = (double)(c->end - c->at), part;

	if (c->load->spread == LOAD_AT_ONCE)
		return c->at;
	if (c->load->spread == LOAD_EVEN)
		part = 1.0 / (double)(c->left + 1);
	else if (c->left == 1)
		part = rng_unit(&c->rng);
	else
		part = -expm1(log1p(-rng_unit(&c->rng)) / (double)c->left);
	return c->at + (int64_t)(width * part);
}

bool load_next(struct load_cursor *c, int64_t *ret_at_us, int64_t *ret_service_us)
{
	const struct load *l = c->load;

	*ret_service_us = -1;
	if (!l->binned) {
		if (c->row >= l->count)
			return false;
		*ret_at_us = l->at_us[c->row];
		if (l->has_service)
			*ret_service_us = l->value[c->row];
		c->row++;
		return true;
	}
	while (c->left == 0) {
		if (c->row >= l->count)
			return false;
		c->left = l->value[c->row];
		c->at = l->at_us[c->row++];
		c->end = c->at + l->bin_us;
	}
	c->at = next_of_bin(c);
	c->left--;
	*ret_at_us = c->at;
	return true;
}
