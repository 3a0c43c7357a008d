/* URLs that carry their own signature, for whoever has no keys. */
#include <string.h>

#include "aws/lane_own.h"
#include "aws/s3.h"
#include "aws/s3_own.h"
#include "base/clock.h"
#include "wire/sigv4.h"

int aws_s3_presign(const struct lane *l, const char *bucket, const char *key, struct span valid,
		   struct buf *ret_url, struct err *e)
{
	AUTO(endpoint_place_done) struct endpoint_place p = { 0 };
	AUTO(request_done) struct request r = { 0 };
	AUTO(buf_wipe) struct buf query = BUF(8 << 10);
	const struct sigv4_keys keys = cred_keys(&l->keys);
	struct sigv4_request s = { .method = "GET", .payload = SIGV4_UNSIGNED };

	if (!cred_given(&l->keys))
		return err_set(e, ERR_DENIED, "no credentials to sign a URL with");
	aws_s3_ask(&r, "GetObject", "GET", bucket, key);
	if (endpoint_place(&l->endpoint, &r, &p, e) < 0)
		return -1;
	s.host = buf_str(&p.host);
	s.path = buf_str(&p.path);
	s.region = p.region;
	s.service = service_info(SERVICE_S3)->signing;
	s.at = instant_add(clock_wall(), l->offset);
	if (sigv4_presign(&s, &keys, (int)(valid.ms / 1000), &query, e) < 0)
		return -1;
	buf_addf(ret_url, "%s?%s", buf_str(&p.url), buf_str(&query));
	return buf_ok(ret_url, "a presigned URL", e);
}

int aws_s3_origin(const struct lane *l, const char *bucket, struct buf *ret, struct err *e)
{
	AUTO(endpoint_place_done) struct endpoint_place p = { 0 };
	AUTO(request_done) struct request r = { 0 };
	const char *slashes;

	aws_s3_ask(&r, "GetObject", "GET", bucket, "k");
	if (endpoint_place(&l->endpoint, &r, &p, e) < 0)
		return -1;
	slashes = strstr(buf_str(&p.url), "://");
	if (!slashes)
		return err_set(e, ERR_POLICY, "the endpoint of S3 is no URL");
	buf_add(ret, p.url.data, (size_t)(slashes + 3 - p.url.data) + strcspn(slashes + 3, "/?"));
	return 0;
}
