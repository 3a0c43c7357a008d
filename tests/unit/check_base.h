/* The suites of check_base, one file each. */
#ifndef CHECK_BASE_H
#define CHECK_BASE_H

#include <check.h>
#include <string.h>

#include "base/err.h"

Suite *suite_text(void);
Suite *suite_clock(void);
Suite *suite_crypto(void);
Suite *suite_json(void);
Suite *suite_documents(void);
Suite *suite_db(void);
Suite *suite_options(void);
Suite *suite_log(void);
Suite *suite_keys(void);
Suite *suite_html(void);

/* A table row that does not hold is named before the test ends. */
#define ROW_ASSERT(name, condition) ck_assert_msg((condition), "%s: %s", (name), #condition)
#define ROW_ASSERT_STR(name, a, b)                                                            \
	do {                                                                                  \
		const char *a_ = (a), *b_ = (b);                                              \
		ck_assert_msg(a_ &&b_ &&strcmp(a_, b_) == 0, "%s:\n  got    %s\n  wanted %s", \
			      (name), a_ ? a_ : "(null)", b_ ? b_ : "(null)");                \
	} while (0)

static inline TCase *suite_case(Suite *s, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	return c;
}

#endif
