/* Which region and account things are in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/raw.h"

static bool copy(const char *from, size_t n, char *buf, size_t size)
{
	if (n == 0 || n >= size)
		return false;
	memcpy(buf, from, n);
	buf[n] = '\0';
	return true;
}

/* sqs.REGION.amazonaws.com, sqs-fips.…, REGION.queue.amazonaws.com, each with .cn too. */
bool policy_region_url(const char *url, char *buf, size_t size)
{
	const char *host = strstr(url, "://"), *end, *tail;

	if (!host)
		return false;
	host += 3;
	end = host + strcspn(host, "/:");
	tail = strstr(host, ".amazonaws.com");
	if (!tail || tail >= end || (tail + 14 != end && strncmp(tail + 14, ".cn", 3) != 0))
		return false;
	if (strncmp(host, "sqs.", 4) == 0)
		host += 4;
	else if (strncmp(host, "sqs-fips.", 9) == 0)
		host += 9;
	else if (tail - host > 6 && strncmp(tail - 6, ".queue", 6) == 0)
		tail -= 6;
	else
		return false;
	if (tail <= host || memchr(host, '.', (size_t)(tail - host)))
		return false;
	return copy(host, (size_t)(tail - host), buf, size);
}

const char *policy_region_metric(const struct policy *p, const struct policy_metric *m, char *buf,
				 size_t size)
{
	if (m->source == POLICY_CLOUDWATCH)
		return m->cloudwatch.region ? m->cloudwatch.region : p->fleet.region;
	if (m->sqs.region)
		return m->sqs.region;
	if (m->sqs.queue_url && policy_region_url(m->sqs.queue_url, buf, size))
		return buf;
	return p->fleet.region;
}

/* The account in arn:aws:iam::ACCOUNT:role/NAME, "" for the credentials' own. */
static void account(const char *role_arn, char buf[static 64])
{
	const char *at = role_arn;

	buf[0] = '\0';
	for (int i = 0; i < 4 && at; i++) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	if (at && !copy(at, strcspn(at, ":"), buf, 64))
		buf[0] = '\0';
}

/* The account in https://host/ACCOUNT/name, "" where none stands there. */
static void account_of_url(const char *url, char buf[static 64])
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *path = host ? strchr(host + 3, '/') : NULL;

	buf[0] = '\0';
	if (path && strspn(path + 1, "0123456789") == 12 && path[13] == '/' &&
	    !copy(path + 1, 12, buf, 64))
		buf[0] = '\0';
}

const char *policy_region_role(const struct policy *p, const struct policy_metric *m)
{
	char queue[64], role[64];

	account_of_url(m->sqs.queue_url, queue);
	account(p->fleet.role_arn, role);
	return *queue && *role && strcmp(queue, role) != 0 ? NULL : p->fleet.role_arn;
}

static const char *region_or_default(const char *region)
{
	const char *env = NULL;

	if (region)
		return region;
	env = getenv("AWS_REGION");
	if (!env || !env[0])
		env = getenv("AWS_DEFAULT_REGION");
	return env && env[0] ? env : NULL;
}

bool policy_region_same_group(const struct policy *a, const struct policy *b)
{
	const char *ra = region_or_default(a->fleet.region),
		   *rb = region_or_default(b->fleet.region);
	char aa[64], ab[64];

	account(a->fleet.role_arn, aa);
	account(b->fleet.role_arn, ab);
	return strcmp(a->fleet.auto_scaling_group, b->fleet.auto_scaling_group) == 0 &&
	       strcmp(aa, ab) == 0 && (!ra || !rb || strcmp(ra, rb) == 0);
}
