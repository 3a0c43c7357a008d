#include "local/trust.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

static bool next_header(const void *source, size_t *it, const char **name, const char **value)
{
	return httpd_next_header(source, it, name, value);
}

struct lookup {
	struct local *local;
	struct local_key *key;
};

static bool lookup_key(const char *access_key, struct sigv4_keys *ret, void *arg)
{
	struct lookup *k = arg;

	if (!local_key_find(k->local, access_key, k->key))
		return false;
	*ret = (struct sigv4_keys){ k->key->access_key, k->key->secret, k->key->token };
	return true;
}

static bool ends_in(const char *host, size_t n, const char *end)
{
	size_t len = strlen(end);

	return n > len && strncasecmp(host + n - len, end, len) == 0;
}

/* "127.0.0.2", "localhost", "bucket.localhost", or a name that is public and always of this
 * machine. */
static bool host_is_here(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	return (strspn(host, "0123456789.") == n && strncmp(host, "127.", 4) == 0) ||
	       (n == 5 && strncmp(host, "[::1]", n) == 0) ||
	       (n == 9 && strncasecmp(host, "localhost", n) == 0) ||
	       ends_in(host, n, ".localhost") || ends_in(host, n, ".localhost.localstack.cloud");
}

bool local_trust_from_here(const struct httpd_exchange *x)
{
	const char *peer = httpd_peer(x), *host = httpd_header(x, "Host");

	return (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0) && host &&
	       host_is_here(host);
}

/* Without signatures any page that a browser of this machine shows could send calls, and a launch
 * configuration is a script that we run. Browsers say where a request comes from. */
static bool by_a_page(const struct httpd_exchange *x)
{
	const char *site = httpd_header(x, "Sec-Fetch-Site");

	return httpd_header(x, "Origin") || (site && strcmp(site, "none") != 0) ||
	       !local_trust_from_here(x);
}

int local_trust_form(const struct httpd_exchange *x, struct err *e)
{
	if (!by_a_page(x))
		return 0;
	err_set(e, ERR_DENIED,
		"Signatures are not verified here, so that calls of web pages and of other host "
		"names are not taken.");
	snprintf(e->code, sizeof(e->code), "AccessDenied");
	return -1;
}

static int believe(struct local *l, const struct httpd_exchange *x, const struct sigv4_seen *seen,
		   struct sigv4_verdict *v, struct local_key *ret, struct err *e)
{
	if (local_trust_form(x, e) < 0)
		return -1;
	sigv4_believe(seen, v);
	return local_key_find(l, v->access_key, ret) ? 0 : -1;
}

int local_trust_check(struct local *l, const struct httpd_exchange *x, enum service service,
		      const char *body_sha256, struct sigv4_verdict *ret_verdict,
		      struct local_key *ret_key, struct err *e)
{
	struct lookup found = { l, ret_key };
	const struct sigv4_seen seen = {
		.method = httpd_method(x),
		.target = httpd_target(x),
		.next = next_header,
		.headers = x,
		.body_sha256 = body_sha256,
		.service = service_info(service)->signing,
		.now = clock_wall(),
	};

	if (l->options.no_verify)
		return believe(l, x, &seen, ret_verdict, ret_key, e);
	if (sigv4_verify(&seen, lookup_key, &found, ret_verdict, e) < 0)
		return -1;
	if (instant_is_never(ret_key->expires) || ret_key->expires.ms > seen.now.ms)
		return 0;
	err_set(e, ERR_DENIED, "%s",
		service == SERVICE_S3 ? "The provided token has expired."
				      : "The security token included in the request is expired");
	snprintf(e->code, sizeof(e->code), "ExpiredToken");
	return -1;
}
