/* The suites of the program that tests observe. */
#ifndef CHECK_OBSERVE_H
#define CHECK_OBSERVE_H

#include <check.h>

Suite *check_observe_meter(void);

#endif
