/* Loop, HTTP client and HTTP server. */
#include "check_base_io.h"

#include <stdlib.h>

int main(void)
{
	SRunner *r = srunner_create(check_base_loop());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
