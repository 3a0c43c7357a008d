/* src/base without the loop and HTTP. */
#include <stdlib.h>

#include "check_base.h"
#include "check_main.h"

int main(void)
{
	SRunner *r = srunner_create(suite_text());

	srunner_add_suite(r, suite_clock());
	srunner_add_suite(r, suite_crypto());
	srunner_add_suite(r, suite_json());
	srunner_add_suite(r, suite_documents());
	srunner_add_suite(r, suite_db());
	srunner_add_suite(r, suite_options());
	srunner_add_suite(r, suite_log());
	srunner_add_suite(r, suite_keys());
	srunner_add_suite(r, suite_html());
	return check_main_run(r);
}
