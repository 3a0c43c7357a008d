/* The two little languages of CloudWatch that are not metric math: what SEARCH finds, and the rules
 * of composite alarms. */
#include <check.h>
#include <string.h>

#include "check_main.h"
#include "local/cloudwatch_clause.h"
#include "local/cloudwatch_search.h"

static const struct {
	const char *text;
	int found; /* -1: refused */
} searches[] = {
	{ "{AWS/SQS,QueueName}", 1 },
	{ "{AWS/SQS}", 0 },
	{ "{AWS/SQS,QueueName,Other}", 0 },
	{ "{\"AWS/SQS\",\"QueueName\"} Age", 1 },
	{ "{AWS/S3,QueueName}", 0 },
	{ "age", 1 },
	{ "\"Age\"", 0 },
	{ "\"AgeOfOldest\" jobs", 1 },
	{ "MetricName=\"AgeOfOldest\"", 1 },
	{ "MetricName=\"Age\"", 0 },
	{ "QueueName=jobs", 1 },
	{ "QueueName=(a OR \"jobs\")", 1 },
	{ "QueueName=(x OR y)", 0 },
	{ "NOT jobs", 0 },
	{ "age NOT other", 1 },
	{ "other OR jobs", 1 },
	{ "other AND jobs", 0 },
	{ "(other OR jobs) AND age", 1 },
	{ "Namespace=SQS", 1 },
	{ "", -1 },
	{ "{", -1 },
	{ "{AWS/SQS", -1 },
	{ "(age", -1 },
	{ "age)", -1 },
	{ "\"age", -1 },
	{ "QueueName=", -1 },
	{ "age OR", -1 },
};

START_TEST(searches_find_metrics)
{
	struct err e = { 0 };
	AUTO(local_cloudwatch_search_freep)
	struct local_cloudwatch_search *s = local_cloudwatch_search_parse(searches[_i].text, &e);

	ck_assert_msg((s == NULL) == (searches[_i].found < 0), "%s: %s", searches[_i].text, e.text);
	if (s)
		ck_assert_msg(local_cloudwatch_search_finds(s, "AWS/SQS", "AgeOfOldest",
							    "[[\"QueueName\",\"jobs\"]]") ==
				      (searches[_i].found == 1),
			      "%s", searches[_i].text);
}
END_TEST

static const struct {
	const char *rule;
	int holds; /* -1: refused */
} clauses[] = {
	{ "ALARM(high)", 1 },
	{ "ALARM(\"high\")", 1 },
	{ " ALARM ( high ) ", 1 },
	{ "ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:high)", 1 },
	{ "OK(high)", 0 },
	{ "OK(low)", 1 },
	{ "INSUFFICIENT_DATA(new)", 1 },
	{ "ALARM(nobody)", 0 },
	{ "OK(nobody)", 0 },
	{ "NOT ALARM(high)", 0 },
	{ "NOT NOT ALARM(high)", 1 },
	{ "FALSE OR TRUE AND FALSE", 0 },
	{ "TRUE OR TRUE AND FALSE", 1 },
	{ "(TRUE OR TRUE) AND FALSE", 0 },
	{ "ALARM(high) AND (OK(low) OR ALARM(low))", 1 },
	{ "ALARM(with space)", 0 },
	{ "", -1 },
	{ "ALARM", -1 },
	{ "ALARM()", -1 },
	{ "ALARM(high", -1 },
	{ "ALARM(\"high)", -1 },
	{ "ALARM(high) ALARM(low)", -1 },
	{ "ALARM(high) AND", -1 },
	{ "(TRUE", -1 },
	{ "true", -1 },
	{ "TRUEANDFALSE", -1 },
};

static bool state_of(const char *alarm, enum local_cloudwatch_state *ret, void *arg)
{
	(void)arg;
	*ret = strcmp(alarm, "high") == 0  ? CLOUDWATCH_ALARM
	       : strcmp(alarm, "low") == 0 ? CLOUDWATCH_OK
					   : CLOUDWATCH_INSUFFICIENT;
	return strcmp(alarm, "nobody") != 0;
}

START_TEST(rules_of_composite_alarms_hold_or_not)
{
	AUTO(local_cloudwatch_clause_done) struct local_cloudwatch_clauses c = { 0 };
	struct err e = { 0 };
	int rc = local_cloudwatch_clause_read(clauses[_i].rule, &c, &e);

	ck_assert_msg((rc < 0) == (clauses[_i].holds < 0), "%s: %s", clauses[_i].rule, e.text);
	if (rc == 0)
		ck_assert_msg(local_cloudwatch_clause_holds(&c, state_of, NULL) ==
				      (clauses[_i].holds == 1),
			      "%s", clauses[_i].rule);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("local rules");
	TCase *t = tcase_create("rules");

	tcase_add_loop_test(t, searches_find_metrics, 0, COUNT_OF(searches));
	tcase_add_loop_test(t, rules_of_composite_alarms_hold_or_not, 0, COUNT_OF(clauses));
	suite_add_tcase(suite, t);
	return check_main_run(srunner_create(suite));
}
