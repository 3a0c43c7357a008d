/* Time zones of tzdata into the calendar's form. Private to policy/. */
#ifndef POLICY_ZONE_H
#define POLICY_ZONE_H

#include "base/keys.h"
#include "model/calendar.h"

/* The zone of an IANA name. "UTC" needs no tzdata. */
MUST int policy_zone_read(struct keys_arena *a, const char *name, struct calendar_zone *ret,
			  struct err *e);
/* The same from the bytes of a TZif file, whoever wrote them. */
MUST int policy_zone_parse(struct keys_arena *a, const char *name, const void *data, size_t len,
			   struct calendar_zone *ret, struct err *e);

#endif
