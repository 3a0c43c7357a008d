/* Signatures, forms, errors, chunks and digests. */
#include "check_wire.h"
#include "check_main.h"

#include <stdlib.h>

int main(void)
{
	SRunner *r = srunner_create(check_wire_forms());

	srunner_add_suite(r, check_wire_sign());
	srunner_add_suite(r, check_wire_chunks());
	return check_main_run(r);
}
