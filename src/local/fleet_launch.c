#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "local/fleet_launch.h"
#include "local/fleet_process.h"

#define ENV_MAX 64

/* As cloud-init has it: a script that names its interpreter gets it, any other is sh's. */
#define GATE "read -r go <&3 || exit 0; exec 3<&-; "
#define GATE_SH GATE "exec /bin/sh ./user-data"
#define GATE_OWN GATE "exec ./user-data"

int local_fleet_launch_delay(const char *script, struct span otherwise, struct span *ret,
			     struct err *e)
{
	static const char mark[] = "#windlass: boot-delay=";

	*ret = otherwise;
	for (const char *line = script, *end; *line == '#'; line = *end ? end + 1 : end) {
		char text[32];
		size_t len;

		end = strchrnul(line, '\n');
		if (strncmp(line, mark, sizeof(mark) - 1) != 0)
			continue;
		line += sizeof(mark) - 1;
		len = (size_t)(end - line);
		if (len >= sizeof(text))
			return err_set(e, ERR_POLICY, "boot-delay: too long");
		memcpy(text, line, len);
		text[len] = '\0';
		text[strcspn(text, " \t\r")] = '\0';
		if (clock_parse_span(text, ret, e) < 0)
			return err_wrap(e, "boot-delay");
		return 0;
	}
	return 0;
}

static char *folder_of(struct local *l, const char *id)
{
	return own_printf("%s/instances/%s", l->data, id);
}

static int make_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "making folder %s", path);
	return 0;
}

static int make_folders(struct local *l, const char *folder, struct err *e)
{
	AUTO(own_freep) char *all = own_printf("%s/instances", l->data);
	AUTO(own_freep) char *tmp = own_printf("%s/tmp", folder);

	return make_folder(all, e) < 0 || make_folder(folder, e) < 0 || make_folder(tmp, e) < 0 ? -1
												: 0;
}

static int write_script(const char *folder, const char *script, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/user-data", folder);
	AUTO(buf_done) struct buf text = BUF(FLEET_SCRIPT_MAX);

	if (buf_adds(&text, script) < 0)
		return err_set(e, ERR_LOCAL, "user data is longer than %d bytes", FLEET_SCRIPT_MAX);
	return buf_write_file(&text, path, 0700, e);
}

struct environment {
	char *all[ENV_MAX + 1];
	size_t count;
};

static void environment_done(struct environment *v)
{
	for (size_t i = 0; i < v->count; i++)
		own_free(v->all[i]);
}

static void environment_add(struct environment *v, char *pair)
{
	if (v->count < ENV_MAX)
		v->all[v->count++] = pair;
	else
		own_free(pair);
}

/* No secret stands here: credentials are asked for at the metadata address. HOME is the instance's
 * own folder, so that nobody's ~/.aws is found before that. */
static void environment_fill(struct environment *v, struct local *l, const char *folder,
			     const struct local_fleet_instance *i)
{
	const char *path = getenv("PATH"), *lang = getenv("LANG");

	environment_add(v, own_printf("PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin"));
	environment_add(v, own_printf("LANG=%s", lang ? lang : "C.UTF-8"));
	environment_add(v, own_printf("HOME=%s", folder));
	environment_add(v, own_printf("TMPDIR=%s/tmp", folder));
	environment_add(v, own_printf("AWS_REGION=%s", l->options.region));
	environment_add(v, own_printf("AWS_DEFAULT_REGION=%s", l->options.region));
	environment_add(v, own_printf("AWS_ENDPOINT_URL=%s", l->endpoint));
	environment_add(v, own_printf("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%d",
				      (int)i->port));
	environment_add(v, own_printf(FLEET_MARK "=%s", i->id));
	for (size_t k = 0; k < l->options.instance_env_count; k++) {
		const char *pair = l->options.instance_env[k];

		if (strchr(pair, '='))
			environment_add(v, own_strdup(pair));
		else if (getenv(pair)) /* a name alone: as we have it */
			environment_add(v, own_printf("%s=%s", pair, getenv(pair)));
	}
}

static int open_log(const char *folder, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/log", folder);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? err_errno(e, errno, "opening %s", path) : fd;
}

struct loop_child *local_fleet_launch(struct local *l, const struct local_fleet_instance *i,
				      loop_exit_fn *ended, void *arg, int *ret_gate, struct err *e)
{
	AUTO(own_freep) char *folder = folder_of(l, i->id);
	AUTO(own_freep) char *whole = NULL; /* the state may be named from our own folder */
	AUTO(environment_done) struct environment env = { 0 };
	const char *gate_line = strncmp(i->script, "#!", 2) == 0 ? GATE_OWN : GATE_SH;
	const char *const argv[] = { "/bin/sh", "-c", gate_line, NULL };
	struct loop_child *child;
	int gate[2], out;

	if (make_folders(l, folder, e) < 0 || write_script(folder, i->script, e) < 0)
		return NULL;
	out = open_log(folder, e);
	if (out < 0)
		return NULL;
	if (pipe2(gate, O_CLOEXEC) < 0) {
		err_errno(e, errno, "making a pipe");
		close(out);
		return NULL;
	}
	whole = realpath(folder, NULL);
	environment_fill(&env, l, whole ? whole : folder, i);
	child = loop_child_new(l->loop,
			       &(struct loop_spawn){ .argv = argv,
						     .env = (const char *const *)env.all,
						     .cwd = folder,
						     .fd = { -1, out, out, gate[0] } },
			       ended, arg, e);
	close(out);
	close(gate[0]);
	if (child)
		*ret_gate = gate[1];
	else
		close(gate[1]);
	return child;
}

void local_fleet_launch_open(int gate)
{
	ssize_t n;

	do /* one who died meanwhile has closed it; loops ignore SIGPIPE */
		n = write(gate, "go\n", 3);
	while (n < 0 && errno == EINTR);
	close(gate);
}
