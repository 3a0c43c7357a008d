#include "policy/raw.h"

#define MONEY_MOST INT64_C(1000000000000) /* a million an hour, in millionths */

/* A price in millionths: prices of small instances have four decimals. */
int policy_price_read(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		      void *field)
{
	const char *text = keys_text(r, k, n);
	int64_t micro = 0;
	int decimals = -1;

	if (!text)
		return -1;
	for (const char *s = text; *s && micro >= 0; s++) {
		if (*s == '.' && decimals < 0 && s > text)
			decimals = 0;
		else if (*s < '0' || *s > '9' || micro > MONEY_MOST ||
			 (decimals >= 0 && ++decimals > 6))
			micro = -1;
		else
			micro = micro * 10 + (*s - '0');
	}
	for (int d = decimals < 0 ? 0 : decimals; d < 6 && micro >= 0; d++)
		micro *= 10;
	if (micro < 0 || micro > MONEY_MOST || !text[0] || decimals == 0)
		keys_error(r, n->at, "'%s' wants a price such as 0.0208, found '%.40s'", k->name,
			   text);
	else
		*(int64_t *)field = micro;
	return 0;
}

int policy_price_print(const struct key *k, const void *field, struct buf *out)
{
	int64_t v = *(const int64_t *)field;
	int digits = 6;

	(void)k;
	if (v == 0)
		return 0;
	buf_addf(out, "%lld", (long long)(v / 1000000));
	for (v %= 1000000; digits > 1 && v % 10 == 0; digits--)
		v /= 10;
	return v == 0 ? 0 : buf_addf(out, ".%0*lld", digits, (long long)v);
}
