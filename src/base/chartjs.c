#include "base/chartjs.h"

#include "config.h"

#ifdef CHARTJS_FILE
EMBED(script, CHARTJS_FILE);

int chartjs_script(struct embed *ret, struct err *e)
{
	(void)e;
	*ret = script();
	return 0;
}
#else
int chartjs_script(struct embed *ret, struct err *e)
{
	*ret = (struct embed){ "", 0 };
	return err_set(
		e, ERR_LOCAL,
		"this windlass was built without charts (configure --without-report): install "
		"libjs-chart.js and build it again");
}
#endif
