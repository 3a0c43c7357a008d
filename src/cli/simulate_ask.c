/* What simulate and tune are asked alike: the promise, the plant, the load. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/simulate.h"

int cli_simulate_ask_promise(const char *text, double *ret_percentile, struct span *ret_wait,
			     struct err *e)
{
	const char *at = text;
	char *stop;

	*ret_percentile = 95;
	*ret_wait = span_s(300);
	if (!at)
		return 0;
	if (*at == 'p') {
		*ret_percentile = strtod(at + 1, &stop);
		at = stop + strspn(stop, " ");
		if (strncmp(at, "wait", 4) != 0 || !(*ret_percentile > 0 && *ret_percentile <= 100))
			return err_set(e, ERR_POLICY,
				       "--promise '%.60s' is not as \"p95 wait < 5m\"", text);
		at += 4;
		at += strspn(at, " <=");
	}
	if (clock_parse_span(at, ret_wait, e) < 0)
		return err_wrap(e, "--promise");
	return 0;
}

int cli_simulate_ask_plant(const struct option_list *plant, struct knobs *k, struct err *e)
{
	for (size_t i = 0; i < plant->count; i++)
		if (knobs_set(k, plant->items[i], e) < 0)
			return err_wrap(e, "--plant");
	return knobs_check(k, e) < 0 ? err_wrap(e, "--plant") : 0;
}

int cli_simulate_ask_load(const char *what, const struct knobs *k, uint64_t seed, struct span for_,
			  struct load *ret, struct err *e)
{
	if (strncmp(what, CLI_SIMULATE_JOURNAL, strlen(CLI_SIMULATE_JOURNAL)) == 0) {
		if (cli_simulate_journal(what, dist_mean_us(&k->service), ret, e) < 0)
			return -1;
	} else if (load_open(what, seed, ret, e) < 0) {
		return -1;
	}
	if (for_.ms > 0)
		ret->horizon_us = for_.ms * 1000;
	for (size_t i = 0; i < ret->count && ret->at_us[i] < ret->horizon_us; i++)
		if (!ret->binned || ret->value[i] > 0)
			return 0;
	load_done(ret);
	return err_set(e, ERR_POLICY, "the load is empty: no job comes within --for");
}

void cli_simulate_ask_case(const struct policy *p, const struct knobs *k, struct plant_case *ret)
{
	ret->knobs = k;
	ret->initial = k->initial;
	ret->slots = p->fleet.jobs_per_instance > 0 ? p->fleet.jobs_per_instance : k->slots;
	ret->min = p->fleet.min_given ? p->fleet.min : k->group_min;
	ret->max = p->fleet.max_given ? p->fleet.max : k->group_max;
	ret->hour_price = p->fleet.instance_hour_cost_micro > 0
				  ? (double)p->fleet.instance_hour_cost_micro / 1e6
				  : k->instance_hour_price;
}
