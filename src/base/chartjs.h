/* Chart.js, which draws the charts of pages. Debian's own file, taken in when windlass is built;
 * nobody else knows where it comes from. */
#ifndef BASE_CHARTJS_H
#define BASE_CHARTJS_H

#include "base/embed.h"
#include "base/err.h"

/* The script, with its licence in its first lines. Defines Chart. An error, with the remedy, when
 * windlass was built without it. */
MUST int chartjs_script(struct embed *ret, struct err *e);

#endif
