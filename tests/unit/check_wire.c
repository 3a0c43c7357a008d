/* Signatures, forms, errors, chunks and digests. */
#include "check_wire.h"

#include <stdlib.h>

int main(void)
{
	SRunner *r = srunner_create(check_wire_forms());
	int failed;

	srunner_add_suite(r, check_wire_sign());
	srunner_add_suite(r, check_wire_chunks());
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
