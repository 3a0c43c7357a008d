/* What an error says of the fact that it left unread. Pure. */
#include <string.h>

#include "aws/endpoint.h"
#include "observe/observe.h"

enum fact_why observe_why(const struct err *e)
{
	switch (e->kind) {
	case ERR_NONE:
		return FACT_READABLE;
	case ERR_DENIED:
		return FACT_DENIED;
	case ERR_THROTTLED:
		return FACT_THROTTLED;
	case ERR_NOT_FOUND:
		return FACT_NOT_FOUND;
	case ERR_PROTOCOL:
		return FACT_NONSENSE;
	case ERR_POLICY:
		if (strcmp(e->code, ENDPOINT_NO_REGION) == 0)
			return FACT_NO_REGION;
		break;
	case ERR_CONFLICT:
	case ERR_LOCAL:
	case ERR_UNREACHABLE:
		break;
	}
	return FACT_UNREACHABLE;
}
