/* Search expressions of metric math: which metrics SEARCH means. Pure.
 *
 *   {Namespace,Dimension,…} term term   the metrics of a namespace that have just these dimensions
 *   word  "phrase"                      part of, or the whole of, a name, dimension or namespace
 *   Property=word  Property=(a OR b)    of MetricName, Namespace or a dimension
 *   AND (also between terms)  OR  NOT  ( )
 */
#ifndef LOCAL_CLOUDWATCH_SEARCH_H
#define LOCAL_CLOUDWATCH_SEARCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

#define CLOUDWATCH_SEARCH_TEXT_MAX 1024 /* AWS's */
#define CLOUDWATCH_SEARCH_FOUND_MAX 500 /* AWS's, metrics of one search */

struct local_cloudwatch_search;
/* NULL: what is wrong, in @p e. */
MUST struct local_cloudwatch_search *local_cloudwatch_search_parse(const char *text, struct err *e);
void local_cloudwatch_search_free(struct local_cloudwatch_search *s);
DEFINE_FREEP(struct local_cloudwatch_search, local_cloudwatch_search);
/* @p dimensions: a JSON list of pairs, as the store has them. */
bool local_cloudwatch_search_finds(const struct local_cloudwatch_search *s, const char *space,
				   const char *name, const char *dimensions);

#endif
