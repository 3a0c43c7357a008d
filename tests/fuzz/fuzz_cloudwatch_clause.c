/* Any text as the rule of a composite alarm, and as a search: it is refused in a sentence, or holds
 * or does not. */
#include "fuzz.h"

#include "local/cloudwatch_clause.h"
#include "local/cloudwatch_search.h"

static bool state_of(const char *alarm, enum local_cloudwatch_state *ret, void *arg)
{
	(*(size_t *)arg)++;
	*ret = CLOUDWATCH_ALARM;
	return alarm[0] != 'x';
}

/* The same text as what SEARCH looks for: refused, or it finds a metric or not. */
static void search(const char *text)
{
	static const char pairs[] = "[[\"QueueName\",\"jobs\"]]";
	struct err e = { 0 };
	AUTO(local_cloudwatch_search_freep)
	struct local_cloudwatch_search *s = local_cloudwatch_search_parse(text, &e);

	FUZZ_HOLDS(s || (e.kind == ERR_PROTOCOL && e.text[0]));
	if (s)
		(void)local_cloudwatch_search_finds(s, "AWS/SQS", "Age", pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(own_freep) char *text = own_strndup((const char *)data, size);
	AUTO(local_cloudwatch_clause_done) struct local_cloudwatch_clauses c = { 0 };
	struct err e = { 0 };
	size_t asked = 0;

	search(text);
	if (local_cloudwatch_clause_read(text, &c, &e) < 0) {
		FUZZ_HOLDS(e.text[0] && c.count == 0);
		return 0;
	}
	FUZZ_HOLDS(c.count > 0 && c.count <= CLOUDWATCH_CLAUSES_MAX);
	(void)local_cloudwatch_clause_holds(&c, state_of, &asked);
	FUZZ_HOLDS(asked <= c.count);
	return 0;
}
