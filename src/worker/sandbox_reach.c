/* What a child can reach in the file system, by Landlock. Its numbers are written out here: the
 * headers of the build may be older than the kernel it runs on, and the other way round. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/own.h"
#include "worker/sandbox_parts.h"

#define CALL_CREATE 444
#define CALL_ADD 445
#define CALL_RESTRICT 446
#define ASK_VERSION 1u
#define RULE_PATH_BENEATH 1

#define EXECUTE (1u << 0)
#define WRITE_FILE (1u << 1)
#define READ_FILE (1u << 2)
#define READ_DIR (1u << 3)
#define REMOVE_DIR (1u << 4)
#define REMOVE_FILE (1u << 5)
#define MAKE_DIR (1u << 7)
#define MAKE_REG (1u << 8)
#define MAKE_SYM (1u << 12)
#define ALL_ABI_1 ((1u << 13) - 1)
#define REFER (1u << 13)     /* ABI 2 */
#define TRUNCATE (1u << 14)  /* ABI 3 */
#define IOCTL_DEV (1u << 15) /* ABI 5 */
#define NET_ALL 3u           /* ABI 4: bind and connect of TCP */
#define SCOPE_ALL 3u         /* ABI 6: abstract sockets, signals */
#define ALL_OF_A_FOLDER                                                                      \
	(EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | \
	 MAKE_REG | MAKE_SYM | REFER | TRUNCATE)
#define FOR_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)

#define INTERPRETER_MAX 256
#define HEADERS_MAX 64

struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct ruleset {
	int fd, abi;
	uint64_t handled;
};

int worker_sandbox_reach_abi(void)
{
	long abi = syscall(CALL_CREATE, NULL, 0, ASK_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static int create(struct ruleset *r, enum sandbox_kind kind, struct err *e)
{
	struct ruleset_attr a = { .fs = ALL_ABI_1 };
	size_t size = sizeof(a.fs);

	r->abi = worker_sandbox_reach_abi();
	a.fs |= (r->abi >= 2 ? REFER : 0) | (r->abi >= 3 ? TRUNCATE : 0) |
		(r->abi >= 5 ? IOCTL_DEV : 0);
	if (r->abi >= 4) {
		a.net = kind == SANDBOX_ONLINE ? 0 : NET_ALL;
		size += sizeof(a.net);
	}
	if (r->abi >= 6) {
		a.scoped = SCOPE_ALL;
		size += sizeof(a.scoped);
	}
	r->handled = a.fs;
	r->fd = (int)syscall(CALL_CREATE, &a, size, 0);
	if (r->fd < 0)
		return err_errno(e, errno, "making a Landlock ruleset");
	return 0;
}

/* Takes @p fd. */
static int add_fd(const struct ruleset *r, int fd, uint64_t rights, const char *path, struct err *e)
{
	struct path_attr a = { .allowed = rights & r->handled, .fd = fd };
	struct stat st;
	long rc;

	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed &= FOR_FILES;
	rc = syscall(CALL_ADD, r->fd, RULE_PATH_BENEATH, &a, 0);
	if (rc < 0)
		err_errno(e, errno, "letting a child reach %s", path);
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* What is not on this machine needs no rule. Links are followed: the names are ours. */
static int add(const struct ruleset *r, const char *path, uint64_t rights, struct err *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : add_fd(r, fd, rights, path, e);
}

/* Of the job's folder, where a link would lead a rule to somebody else's file. */
static int add_own(const struct ruleset *r, const char *folder, const char *name, mode_t kind,
		   uint64_t rights, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/%s", folder, name);
	struct stat st;
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, errno, "opening %s", path);
	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != kind) {
		close(fd);
		return err_set(e, ERR_LOCAL, "%s is a link, or of another kind than it has to be",
			       path);
	}
	return add_fd(r, fd, rights, path, e);
}

/* The loader that an ELF program names; "" for a static one. */
static int interpreter_of(const char *program, int fd, char name[static INTERPRETER_MAX],
			  struct err *e)
{
	ElfW(Ehdr) h;
	ElfW(Phdr) p;

	name[0] = '\0';
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_phentsize != sizeof(p))
		return err_set(e, ERR_LOCAL,
			       "%s is no program of this machine's own kind (a script?), which a "
			       "sandbox needs -> put the real one first in PATH, or --no-sandbox",
			       program);
	for (int i = 0; i < h.e_phnum && i < HEADERS_MAX; i++) {
		off_t at = (off_t)h.e_phoff + i * (off_t)sizeof(p);

		if (pread(fd, &p, sizeof(p), at) != (ssize_t)sizeof(p))
			break;
		if (p.p_type != PT_INTERP || p.p_filesz >= INTERPRETER_MAX)
			continue;
		if (pread(fd, name, p.p_filesz, (off_t)p.p_offset) != (ssize_t)p.p_filesz)
			break;
		name[p.p_filesz] = '\0';
		return 0;
	}
	return 0;
}

/* The program's own file, resolved, and its loader. */
static int look_up(const char *program, char file[static PATH_MAX],
		   char loader[static INTERPRETER_MAX], struct err *e)
{
	AUTO(own_freep) char *found = loop_child_find(program);
	int fd, rc;

	if (!found || !realpath(found, file))
		return err_set(e, ERR_LOCAL, "running %s: there is no such program in PATH",
			       program);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, errno, "reading the program %s", file);
	rc = interpreter_of(file, fd, loader, e);
	close(fd);
	return rc;
}

int worker_sandbox_fit(const char *program, struct err *e)
{
	char file[PATH_MAX], loader[INTERPRETER_MAX];

	return look_up(program, file, loader, e);
}

/* A program of a folder of its own, as /opt/ffmpeg/bin, has its libraries beside it. */
static int add_program(const struct ruleset *r, const char *program, struct err *e)
{
	AUTO(own_freep) char *beside = NULL;
	char file[PATH_MAX], loader[INTERPRETER_MAX];

	if (look_up(program, file, loader, e) < 0 || add(r, file, EXECUTE | READ_FILE, e) < 0 ||
	    (*loader && add(r, loader, EXECUTE | READ_FILE, e) < 0))
		return -1;
	*strrchr(file, '/') = '\0';
	beside = own_printf("%s/../lib", file);
	return add(r, beside, READ_FILE | READ_DIR, e);
}

/* What programs are made of. Not /proc: it shows the environment of others. Not /etc: secrets. */
static int add_system(const struct ruleset *r, struct err *e)
{
	static const char *const readable[] = { "/usr",
						"/lib",
						"/lib64",
						"/etc/ld.so.cache",
						"/etc/ld.so.preload",
						"/etc/fonts",
						"/var/cache/fontconfig",
						"/dev/urandom",
						"/dev/null" };

	for (size_t i = 0; i < COUNT_OF(readable); i++)
		if (add(r, readable[i], READ_FILE | READ_DIR, e) < 0)
			return -1;
	return add(r, "/dev/null", READ_FILE | WRITE_FILE, e);
}

/* The command itself, wherever it is; a script too. */
static int add_command(const struct ruleset *r, const char *program, struct err *e)
{
	AUTO(own_freep) char *found = loop_child_find(program);
	char file[PATH_MAX];

	if (!found || !realpath(found, file))
		return err_set(e, ERR_LOCAL, "running %s: there is no such program in PATH",
			       program);
	return add(r, file, EXECUTE | READ_FILE, e);
}

/* What commands need beside: their programs, and how the network is found. No /proc here either. */
static int add_company(const struct ruleset *r, enum sandbox_kind kind, struct err *e)
{
	static const char *const programs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64" };
	static const char *const readable[] = {
		"/etc/alternatives", "/etc/passwd",          "/etc/group",       "/etc/localtime",
		"/etc/mime.types",   "/etc/nsswitch.conf",   "/etc/services",    "/dev/zero",
		"/etc/ssl",          "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
		"/etc/gai.conf",     "/etc/host.conf"
	};
	size_t n = kind == SANDBOX_ONLINE ? COUNT_OF(readable) : COUNT_OF(readable) - 6;

	for (size_t i = 0; i < COUNT_OF(programs); i++)
		if (add(r, programs[i], EXECUTE | READ_FILE | READ_DIR, e) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (add(r, readable[i], READ_FILE | READ_DIR, e) < 0)
			return -1;
	return 0;
}

static int add_all(const struct ruleset *r, const struct sandbox *s, const char *folder,
		   const char *program, struct err *e)
{
	uint64_t more = READ_FILE | READ_DIR | (s->kind == SANDBOX_ONE ? 0 : EXECUTE);
	bool whole = s->write && strcmp(s->write, ".") == 0;

	if (add_system(r, e) < 0 ||
	    (s->kind == SANDBOX_ONE
		     ? add_program(r, program, e)
		     : add_company(r, s->kind, e) || add_command(r, program, e)) != 0)
		return -1;
	for (size_t i = 0; s->more && s->more[i]; i++)
		if (add(r, s->more[i], more, e) < 0)
			return -1;
	if (s->read && add_own(r, folder, s->read, S_IFREG, READ_FILE, e) < 0)
		return -1;
	if (s->look && add_own(r, folder, s->look, S_IFDIR, READ_FILE | READ_DIR, e) < 0)
		return -1;
	if (s->write &&
	    add_own(r, folder, s->write, S_IFDIR,
		    whole ? ALL_OF_A_FOLDER
			  : READ_FILE | READ_DIR | WRITE_FILE | MAKE_REG | REMOVE_FILE | TRUNCATE,
		    e) < 0)
		return -1;
	return 0;
}

int worker_sandbox_reach_open(const struct sandbox *s, const char *folder, const char *program,
			      int *ret_ruleset, struct err *e)
{
	struct ruleset r;

	if (create(&r, s->kind, e) < 0)
		return -1;
	if (add_all(&r, s, folder, program, e) == 0) {
		*ret_ruleset = r.fd;
		return 0;
	}
	close(r.fd);
	return err_wrap(e, "sandbox");
}

int worker_sandbox_reach_enter(int ruleset)
{
	return (int)syscall(CALL_RESTRICT, ruleset, 0);
}
