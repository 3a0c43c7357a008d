#include "aws/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/uri.h"

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int set_region(struct endpoint *ep, const struct endpoint_options *o,
		      const struct profiles *p, struct err *e)
{
	const char *region = o->region && *o->region ? o->region : variable("AWS_REGION");

	if (!region)
		region = variable("AWS_DEFAULT_REGION");
	if (!region)
		region = profile_get(p, profile_name(o->profile), "region");
	if (!region)
		return 0;
	if (strlen(region) >= sizeof(ep->region) ||
	    strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") < strlen(region))
		return err_set(e, ERR_POLICY,
			       "region '%.80s' is no region's name -> " ENDPOINT_REGION_REMEDY,
			       region);
	memcpy(ep->region, region, strlen(region) + 1);
	return 0;
}

/* "true" in the environment, else in the profile; anything else but "false" is a mistake. */
static int set_flag(bool *ret, const char *name, const char *key, const char *profile,
		    const struct profiles *p, struct err *e)
{
	const char *text = variable(name), *from = name;

	if (!text) {
		text = profile_get(p, profile, key);
		from = key;
	}
	*ret = text && strcasecmp(text, "true") == 0;
	if (text && *text && !*ret && strcasecmp(text, "false") != 0)
		return err_set(e, ERR_POLICY, "%s is '%.40s' -> true or false", from, text);
	return 0;
}

/* Keeps @p url without slashes at its end; @p from says where it stands. */
static int keep_url(struct endpoint *ep, enum service s, const char *url, const char *from,
		    struct err *e)
{
	struct uri_parts parts;
	size_t len = strlen(url);

	if (uri_parse(url, &parts, e) < 0)
		return err_wrap(e, "%s", from);
	if (strpbrk(parts.path, "?#"))
		return err_set(e, ERR_POLICY, "%s: an endpoint has no query", from);
	while (len && url[len - 1] == '/')
		len--;
	own_free(ep->url[s]);
	ep->url[s] = own_strndup(url, len);
	return 0;
}

static int set_url(struct endpoint *ep, enum service s, const struct endpoint_options *o,
		   const struct profiles *p, struct err *e)
{
	const struct service_info *info = service_info(s);
	const char *profile = profile_name(o->profile), *ignore, *url;
	char name[64];

	if (o->endpoint && *o->endpoint)
		return keep_url(ep, s, o->endpoint, "endpoint", e);
	ignore = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	if (ignore && strcmp(ignore, "true") == 0)
		return 0;
	snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", info->env);
	if ((url = variable(name)))
		return keep_url(ep, s, url, name, e);
	if ((url = variable("AWS_ENDPOINT_URL")))
		return keep_url(ep, s, url, "AWS_ENDPOINT_URL", e);
	url = profile_service(p, profile, info->section, "endpoint_url");
	if (!url || !*url)
		url = profile_get(p, profile, "endpoint_url");
	return url && *url ? keep_url(ep, s, url, "endpoint_url of the profile", e) : 0;
}

int endpoint_init(struct endpoint *ep, const struct endpoint_options *o, const struct profiles *p,
		  struct err *e)
{
	const char *profile = profile_name(o->profile);

	*ep = (struct endpoint){ 0 };
	if (set_region(ep, o, p, e) < 0 ||
	    set_flag(&ep->fips, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", profile, p, e) < 0 ||
	    set_flag(&ep->dual_stack, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
		     profile, p, e) < 0)
		return -1;
	for (int s = 0; s < SERVICE_COUNT; s++) {
		if (s == SERVICE_IMDS)
			continue;
		if (set_url(ep, (enum service)s, o, p, e) < 0) {
			endpoint_done(ep);
			return -1;
		}
	}
	return 0;
}

void endpoint_done(struct endpoint *ep)
{
	for (int s = 0; s < SERVICE_COUNT; s++)
		own_free(ep->url[s]);
	*ep = (struct endpoint){ 0 };
}

const char *endpoint_suffix(const char *region)
{
	return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

void endpoint_place_done(struct endpoint_place *p)
{
	buf_done(&p->url);
	buf_done(&p->host);
	buf_done(&p->path);
}

static bool gov(const char *region)
{
	return strncmp(region, "us-gov-", 7) == 0;
}

/* As the SDKs' rules have it: "-fips" after the service, but the two services whose hosts in
 * GovCloud are validated under their plain names; dual-stack hosts end in api.aws, S3's say
 * dualstack. */
static void add_service(const struct endpoint *ep, enum service s, struct endpoint_place *p)
{
	bool china = strncmp(p->region, "cn-", 3) == 0;
	bool plain = gov(p->region) && (s == SERVICE_AUTOSCALING || s == SERVICE_STS ||
					s == SERVICE_SQS || s == SERVICE_CLOUDWATCH);
	bool dual = ep->dual_stack && s != SERVICE_S3;

	buf_addf(&p->host, "%s%s.%s%s.%s", service_info(s)->host,
		 ep->fips && (dual || !plain) ? "-fips" : "",
		 ep->dual_stack && s == SERVICE_S3 ? "dualstack." : "", p->region,
		 dual ? (china ? "api.amazonwebservices.com.cn" : "api.aws")
		      : endpoint_suffix(p->region));
}

/* AWS's own host. The bucket goes into it, unless a dot would break the certificate. */
static void own_host(const struct endpoint *ep, const struct request *r, struct endpoint_place *p)
{
	bool in_host = r->service == SERVICE_S3 && r->bucket && !strchr(r->bucket, '.');

	if (in_host)
		buf_addf(&p->host, "%s.", r->bucket);
	add_service(ep, r->service, p);
	buf_addf(&p->url, "https://%s", buf_str(&p->host));
	if (r->bucket && !in_host)
		buf_addf(&p->path, "/%s", r->bucket);
}

static int given_host(const struct request *r, const char *base, struct endpoint_place *p,
		      struct err *e)
{
	struct uri_parts parts;

	if (uri_parse(base, &parts, e) < 0)
		return -1;
	buf_add(&p->host, parts.host, parts.host_len);
	buf_add(&p->url, base, (size_t)(parts.path - base));
	buf_adds(&p->path, parts.path);
	if (r->bucket)
		buf_addf(&p->path, "/%s", r->bucket);
	return 0;
}

int endpoint_place(const struct endpoint *ep, const struct request *r, struct endpoint_place *ret,
		   struct err *e)
{
	const char *base = ep->url[r->service] ? ep->url[r->service] : r->origin;

	*ret = (struct endpoint_place){ .url = BUF(16384), .host = BUF(512), .path = BUF(8192) };
	snprintf(ret->region, sizeof(ret->region), "%s", r->region ? r->region : ep->region);
	if (!ret->region[0]) {
		err_ignore(err_set(e, ERR_POLICY, "no region is known -> " ENDPOINT_REGION_REMEDY));
		if (e)
			snprintf(e->code, sizeof(e->code), "%s", ENDPOINT_NO_REGION);
		return -1;
	}
	if (!base)
		own_host(ep, r, ret);
	else if (given_host(r, base, ret, e) < 0)
		return -1;
	buf_add(&ret->path, buf_str(&r->path), r->path.len);
	if (ret->path.len == 0)
		buf_addc(&ret->path, '/');
	buf_add(&ret->url, buf_str(&ret->path), ret->path.len);
	if (buf_ok(&ret->path, "path", e) < 0 || buf_ok(&ret->host, "host", e) < 0 ||
	    buf_ok(&ret->url, "URL", e) < 0) {
		endpoint_place_done(ret);
		return -1;
	}
	return 0;
}
