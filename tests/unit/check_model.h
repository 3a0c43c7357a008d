#ifndef CHECK_MODEL_H
#define CHECK_MODEL_H

#include <check.h>

TCase *check_model_record(void); /* records of videos: form, and which of two is the later */

#endif
