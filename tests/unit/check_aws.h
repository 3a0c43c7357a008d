/* The suites of the program that tests aws, and what they share. */
#ifndef CHECK_AWS_H
#define CHECK_AWS_H

#include <check.h>

#include "aws/call.h"

Suite *check_aws_ask(void);
Suite *check_aws_read(void);
Suite *check_aws_place(void);
Suite *check_aws_keys(void);
Suite *check_aws_chain(void);
Suite *check_aws_lane(void);
Suite *check_aws_gate(void);
Suite *check_aws_imds(void);

/* A reply as recorded in tests/vectors/aws; NULL: no body. */
struct reply check_aws_reply(enum service s, const char *action, int status, const char *file);
void check_aws_header(struct reply *r, const char *name, const char *value);
/* No variable of AWS's that the machine may have reaches a test; HOME is an empty folder. */
void check_aws_clean(void);

#endif
