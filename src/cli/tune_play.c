/* Playing settings on seeds, on all cores; and what is kept of it for another time. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/pool.h"
#include "cli/policies.h"
#include "cli/simulate.h"
#include "cli/tune.h"
#include "simulate/scaler.h"

static volatile int stop; /* set by the first signal */

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

void cli_tune_catch(void)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&a.sa_mask);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

/* One play, as a thread has it. */
struct piece {
	const struct cli_tune *t;
	const struct policy *policy;
	struct tune_run *run;
	bool known; /* from before, or impossible */
};

struct batch {
	struct piece *piece;
	size_t count;
	struct policy_set *sets;
};

static double wait_of(const struct cli_tune *t, const struct plant_result *r)
{
	const struct {
		double percentile;
		int64_t us;
	} have[] = { { 50, r->p50_us }, { 95, r->p95_us }, { 99, r->p99_us } };

	for (size_t i = 0; i < COUNT_OF(have); i++)
		if (t->percentile <= have[i].percentile)
			return (double)have[i].us / LOAD_US;
	return (double)r->most_us / LOAD_US;
}

/* A fleet that leaves jobs undone, or loses them, keeps no promise of these. */
static double late_of(const struct plant_result *r)
{
	if (r->unfinished > 0)
		return 1;
	return r->jobs > 0 ? (r->late * (double)r->done + (double)r->dead) / (double)r->jobs : 0;
}

static void play_one(void *arg, size_t i)
{
	struct piece *p = &((struct batch *)arg)->piece[i];
	const struct cli_tune *t = p->t;
	AUTO(own_freep) struct scaler *scaler = NULL;
	AUTO(buf_done) struct buf notes = BUF(16384);
	struct plant_scaler plant;
	struct plant_case c = { .scaler = &plant,
				.seed = (uint64_t)t->seed + p->run->seed,
				.promise = t->promise };
	struct plant_result r;

	if (p->known)
		return;
	scaler = own_alloc(sizeof(*scaler));
	cli_simulate_ask_case(p->policy, &t->knobs, &c);
	c.load = &t->loads[t->load_count > 1 ? p->run->seed : 0];
	p->run->impossible =
		c.max < c.min || scaler_init(scaler, p->policy, t->queue, &notes, NULL) < 0;
	if (p->run->impossible)
		return;
	plant = scaler_plant(scaler);
	plant_run(&c, &r);
	p->run->seen = (struct tune_seen){
		.cost = r.money + r.api_money,
		.late = late_of(&r),
		.wait_s = wait_of(t, &r),
	};
}

/* --- what was played before */

static void key_of(const struct cli_tune *t, const struct tune_point *p, size_t seed,
		   struct buf *out)
{
	for (size_t a = 0; a < t->axes; a++)
		buf_addf(out, "%s%u", a ? "." : "", p->at[a]);
	buf_addf(out, ":%zu", seed);
}

static bool recall(const struct cli_tune *t, const struct tune_point *p, struct tune_run *run)
{
	AUTO(buf_done) struct buf key = BUF(256);
	const struct json *j;

	key_of(t, p, run->seed, &key);
	j = json_get(t->played, buf_str(&key));
	if (json_type(j) == JSON_NULL)
		return run->impossible = true;
	return json_real(json_at(j, 0), &run->seen.cost) &&
	       json_real(json_at(j, 1), &run->seen.late) &&
	       json_real(json_at(j, 2), &run->seen.wait_s);
}

static void keep(struct cli_tune *t, const struct tune *search, const struct tune_run *run)
{
	AUTO(buf_done) struct buf key = BUF(256);
	struct json *j = run->impossible ? json_new_null() : json_array();

	key_of(t, &search->points[run->point], run->seed, &key);
	if (!run->impossible) {
		json_add(j, json_new_real(run->seen.cost));
		json_add(j, json_new_real(run->seen.late));
		json_add(j, json_new_real(run->seen.wait_s));
	}
	json_set(t->played, buf_str(&key), j);
}

/* What the answers depend on, as one word. */
static void question(struct cli_tune *t, const char *asked)
{
	AUTO(buf_done) struct buf text = BUF(64u << 20);
	uint8_t digest[CRYPTO_SHA256_BYTES];

	buf_addf(&text, "1 %s %a %lld %lld %lld %s\n", t->queue ? t->queue : "", t->percentile,
		 (long long)t->promise.ms, (long long)t->seed, (long long)t->seeds, asked);
	buf_addf(&text, "%a %a\n", dist_mean_us(&t->knobs.service), dist_mean_us(&t->knobs.boot));
	for (size_t i = 0; i < t->axes; i++)
		for (size_t k = 0; k < t->axis[i].levels; k++)
			buf_addf(&text, "%s=%s\n", t->axis[i].path, cli_tune_level(&t->axis[i], k));
	for (size_t i = 0; i < t->load_count; i++) {
		const struct load *l = &t->loads[i];
		uint64_t h = 1469598103934665603u;

		for (size_t r = 0; r < l->count; r++)
			h = ((h ^ (uint64_t)l->at_us[r]) * 1099511628211u ^
			     (uint64_t)(l->value ? l->value[r] : 0)) *
			    1099511628211u;
		buf_addf(&text, "%llx %zu %lld %lld\n", (unsigned long long)h, l->count,
			 (long long)l->horizon_us, (long long)l->start.ms);
	}
	crypto_sha256(buf_str(&text), text.len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(t->of + 2 * i, 3, "%02x", digest[i]);
}

int cli_tune_resume(struct cli_tune *t, const char *asked, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(64u << 20);
	AUTO(json_freep) struct json *j = NULL;

	question(t, asked);
	t->played = json_object();
	if (access(t->state, F_OK) < 0)
		return 0;
	if (buf_read_file(&text, t->state, e) < 0)
		return -1;
	j = json_parse(buf_str(&text), text.len, NULL);
	if (json_type(json_get(j, "windlass_tune")) != JSON_STR)
		return err_set(e, ERR_POLICY,
			       "%s is not a state of windlass tune: name another with --state",
			       t->state);
	if (strcmp(json_get_str(j, "windlass_tune"), t->of) != 0) {
		fprintf(stderr,
			"windlass tune: %s belongs to other arguments, or another policy or load: "
			"begun anew\n",
			t->state);
		return 0;
	}
	json_free(t->played);
	t->played = json_ref((struct json *)json_get(j, "played"));
	if (json_type(t->played) != JSON_OBJECT)
		return err_set(e, ERR_POLICY, "%s holds nothing that was played", t->state);
	fprintf(stderr, "windlass tune: goes on from %s\n", t->state);
	return 0;
}

static void save(struct cli_tune *t)
{
	AUTO(buf_done) struct buf text = BUF(64u << 20);
	AUTO(json_freep) struct json *o = json_object();
	struct err e;

	json_set_str(o, "windlass_tune", t->of);
	json_set(o, "played", json_ref(t->played));
	json_write(o, &text);
	if (buf_ok(&text, "the state", &e) == 0 && buf_write_file(&text, t->state, 0644, &e) == 0)
		return;
	if (!t->unsaved)
		fprintf(stderr,
			"windlass tune: %s -> what is played from here on is lost when it "
			"is stopped; --state names another file\n",
			e.text);
	t->unsaved = true;
}

/* --- a batch */

/* The policy of one setting; false: it is none. */
static bool variant(const struct cli_tune *t, const struct tune_point *p, struct policy_set *ret)
{
	static const struct option_list none = { 0 };
	struct policy_override over[TUNE_AXES_MAX + 1];
	size_t n = 0;

	for (size_t a = 0; a < t->axes; a++)
		if (t->axis[a].level[p->at[a]])
			over[n++] = (struct policy_override){ t->axis[a].path,
							      t->axis[a].level[p->at[a]] };
	over[n++] = (struct policy_override){ "mode", "enforce" };
	return cli_policies_variant(t->path, &none, over, n, ret, NULL) == 0;
}

static void prepare(struct cli_tune *t, const struct tune *search, struct tune_run *runs, size_t n,
		    struct batch *b)
{
	size_t last = SIZE_MAX, sets = 0;
	bool good = false;

	b->count = n;
	b->piece = own_array(n, sizeof(*b->piece));
	b->sets = own_array(n, sizeof(*b->sets));
	for (size_t i = 0; i < n; i++) {
		const struct tune_point *p = &search->points[runs[i].point];

		b->piece[i] = (struct piece){ .t = t, .run = &runs[i] };
		b->piece[i].known = recall(t, p, &runs[i]);
		if (b->piece[i].known) {
			t->resumed++;
			continue;
		}
		if (runs[i].point != last) {
			last = runs[i].point;
			good = variant(t, p, &b->sets[sets++]);
		}
		if (good)
			b->piece[i].policy = b->sets[sets - 1].items[0].policy;
		else
			runs[i].impossible = b->piece[i].known = true;
	}
}

static void show(struct cli_tune *t, const struct tune *search, size_t begun)
{
	const struct tune_point *best = tune_best(search);
	AUTO(buf_done) struct buf line = BUF(256);

	if (!t->live.tty)
		return;
	buf_addf(&line, "%zu plays, %zu settings of %.0f", search->runs + begun, search->count,
		 tune_grid(search));
	if (best)
		buf_addf(&line, ", best so far $%.4f", tune_mean(best, TUNE_COST).mean);
	table_live_show(&t->live, buf_str(&line));
}

int cli_tune_play(void *arg, const struct tune *search, struct tune_run *runs, size_t n)
{
	struct cli_tune *t = arg;
	struct batch b;
	size_t begun, fresh = 0;

	show(t, search, 0);
	prepare(t, search, runs, n, &b);
	begun = pool_run((unsigned)t->threads, n, play_one, &b, &stop);
	for (size_t i = 0; i < begun; i++)
		if (!b.piece[i].known) {
			keep(t, search, &runs[i]);
			fresh++;
		}
	if (fresh > 0)
		save(t);
	for (size_t i = 0; i < n; i++)
		policy_set_done(&b.sets[i]);
	own_free(b.sets);
	own_free(b.piece);
	t->interrupted = stop != 0;
	return t->interrupted ? -1 : 0;
}
