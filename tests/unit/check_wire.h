/* The suites of the program that tests wire. */
#ifndef CHECK_WIRE_H
#define CHECK_WIRE_H

#include <check.h>

Suite *check_wire_forms(void);
Suite *check_wire_sign(void);
Suite *check_wire_chunks(void);

#endif
