#include "cli/policies.h"

#include <stdio.h>
#include <string.h>

static int read_set(const char *path, const struct option_list *sets,
		    const struct policy_override *more, size_t more_count, struct policy_set *ret,
		    struct err *e)
{
	size_t n = sets->count;
	struct policy_override *over = own_array(n + more_count + 1, sizeof(*over));
	char **copies = own_array(n + 1, sizeof(*copies));
	struct policy_reading how = { .env = KEYS_ENV_WARN,
				      .overrides = over,
				      .override_count = n + more_count };
	int rc = 0;

	for (size_t i = 0; i < more_count; i++)
		over[n + i] = more[i];
	for (size_t i = 0; i < n && rc == 0; i++) {
		char *eq;

		copies[i] = own_strdup(sets->items[i]);
		eq = strchr(copies[i], '=');
		if (!eq || eq == copies[i]) {
			rc = err_set(e, ERR_POLICY, "--set '%.100s' is not PATH=VALUE",
				     sets->items[i]);
			break;
		}
		*eq = '\0';
		over[i] = (struct policy_override){ copies[i], eq + 1 };
	}
	if (rc == 0)
		rc = policy_set_read(path, &how, ret, e);
	for (size_t i = 0; i < n; i++)
		own_free(copies[i]);
	own_free(copies);
	own_free(over);
	return rc;
}

int cli_policies_read(const char *path, const struct option_list *sets, const char *mode,
		      struct policy_set *ret, struct err *e)
{
	const struct policy_override over = { "mode", mode };

	if (read_set(path, sets, &over, mode ? 1 : 0, ret, e) < 0) {
		e->kind = ERR_POLICY;
		return -1;
	}
	for (size_t i = 0; i < ret->problem_count; i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		policy_problem_print(&ret->problems[i], &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
	if (ret->error_count > 0)
		return err_set(e, ERR_POLICY, "%s is not a valid policy", path);
	if (ret->count == 0)
		return err_set(e, ERR_POLICY, "%s holds no policy", path);
	return 0;
}

int cli_policies_one(const char *path, const struct option_list *sets, const char *mode,
		     struct policy_set *ret, struct err *e)
{
	if (cli_policies_read(path, sets, mode, ret, e) < 0)
		return -1;
	if (ret->count != 1)
		return err_set(e, ERR_POLICY, "%s holds %zu policies: name one file", path,
			       ret->count);
	return 0;
}

int cli_policies_variant(const char *path, const struct option_list *sets,
			 const struct policy_override *more, size_t n, struct policy_set *ret,
			 struct err *e)
{
	if (read_set(path, sets, more, n, ret, e) < 0)
		return -1;
	if (ret->error_count > 0 || ret->count != 1)
		return err_set(e, ERR_POLICY, "%s is no valid policy with these settings", path);
	return 0;
}
