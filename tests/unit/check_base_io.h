/* The suites of the program that tests what of base does input and output. */
#ifndef CHECK_BASE_IO_H
#define CHECK_BASE_IO_H

#include <check.h>

Suite *check_base_loop(void);

#endif
