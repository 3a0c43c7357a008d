/* Launch templates: EC2 makes them, groups launch from their versions. */
#ifndef LOCAL_FLEET_TEMPLATE_H
#define LOCAL_FLEET_TEMPLATE_H

#include "base/db.h"
#include "base/instant.h"
#include "base/json.h"

struct local_fleet_template {
	char *id, *name;
	struct instant created;
	int64_t preset, latest; /* versions: what $Default and $Latest mean */
};
void local_fleet_template_done(struct local_fleet_template *t);
/* By name, or by id where @p name is NULL. 1 found, 0 not, -1 error. */
MUST int local_fleet_template_find(struct db *d, const char *name, const char *id,
				   struct local_fleet_template *ret, struct err *e);
/* The number that "$Latest", "$Default", NULL (the default too) or digits mean; 0: none. */
int64_t local_fleet_template_number(const struct local_fleet_template *t, const char *word);
/* The LaunchTemplateData of a version, owned. 1 found, 0 not, -1 error. */
MUST int local_fleet_template_data(struct db *d, const struct local_fleet_template *t,
				   int64_t number, struct json **ret, struct err *e);
/* What @p word means now of the template named @p name, as a number's text; @p word itself where
 * there is no such template, or NULL. Owned by the caller. */
MUST int local_fleet_template_word(struct db *d, const char *name, const char *word, char **ret,
				   struct err *e);

#endif
