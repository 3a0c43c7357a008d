/* The end of each unit test program. */
#ifndef CHECK_MAIN_H
#define CHECK_MAIN_H

#include <check.h>
#include <stdlib.h>

/* Runs the suites of @p r and frees it; the exit status. */
static inline int check_main_run(SRunner *r)
{
	int failed;

	srunner_run_all(r, CK_ENV); /* CK_VERBOSITY */
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
