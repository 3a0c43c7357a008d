/* The system calls that a child may not make. A list of what is denied, not of what is allowed:
 * ffmpeg's libraries differ too much from build to build, and Landlock stands behind it. Calls that
 * are newer than the list are not there at all. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"
#include "config.h"
#include "worker/sandbox_parts.h"

#ifdef HAVE_SECCOMP
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

#define FIRST_UNKNOWN 450 /* above futex_waitv; numbers are common to all architectures here */
#define LAST_UNKNOWN 511  /* x32 begins at 512 */
#define PROGRAM_BYTES_MAX 65536

/* clang-format off */
static const int network[] = {
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
	SCMP_SYS(accept), SCMP_SYS(accept4),
};
/* What one program that starts no other needs not. */
static const int company[] = {
	SCMP_SYS(socketpair), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(memfd_create),
};
static const int denied[] = {
	/* other processes */
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise), SCMP_SYS(kcmp), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(setpriority),
	SCMP_SYS(ioprio_set), SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(shmctl),
	SCMP_SYS(msgget), SCMP_SYS(msgsnd), SCMP_SYS(msgrcv), SCMP_SYS(msgctl),
	SCMP_SYS(semget), SCMP_SYS(semop), SCMP_SYS(semctl), SCMP_SYS(mq_open),
	/* another program; execve itself is Landlock's to bound */
	SCMP_SYS(execveat),
	/* files by other ways than opening them */
	SCMP_SYS(truncate), SCMP_SYS(truncate64), SCMP_SYS(chmod), SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown),
	SCMP_SYS(fchownat), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr),
	SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), SCMP_SYS(utime),
	SCMP_SYS(utimes), SCMP_SYS(utimensat), SCMP_SYS(futimesat),
	SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at), SCMP_SYS(fanotify_init),
	/* large parts of the kernel that no video needs */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl),
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(personality),
	/* an administrator's */
	SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
	SCMP_SYS(chroot), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon),
	SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
	SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(syslog), SCMP_SYS(vhangup),
};
/* clang-format on */

/* O_TRUNC without writing empties a file that may only be read: Landlock ABI 1 and 2 let it. */
static int deny_by_argument(scmp_filter_ctx c, enum sandbox_kind kind)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	const scmp_datum_t mask = O_TRUNC | O_ACCMODE;

	return seccomp_rule_add(c, no, SCMP_SYS(open), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, mask, O_TRUNC)) ||
	       seccomp_rule_add(c, no, SCMP_SYS(openat), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, mask, O_TRUNC)) ||
	       (kind == SANDBOX_ONE &&
		seccomp_rule_add(c, no, SCMP_SYS(clone), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0))) ||
	       seccomp_rule_add(c, no, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0, 0));
}

static int deny(scmp_filter_ctx c, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), calls[i], 0) < 0)
			return -1;
	return 0;
}

static int rules(scmp_filter_ctx c, enum sandbox_kind kind)
{
	/* Their arguments are behind a pointer, where no filter looks; all fall back. */
	const uint32_t absent = SCMP_ACT_ERRNO(ENOSYS);

	if (deny(c, denied, COUNT_OF(denied)) < 0 ||
	    (kind != SANDBOX_ONLINE && deny(c, network, COUNT_OF(network)) < 0) ||
	    (kind == SANDBOX_ONE && deny(c, company, COUNT_OF(company)) < 0))
		return -1;
	for (int nr = FIRST_UNKNOWN; nr <= LAST_UNKNOWN; nr++)
		if (seccomp_rule_add(c, absent, nr, 0) < 0)
			return -1;
	return seccomp_rule_add(c, absent, SCMP_SYS(clone3), 0) ||
	       seccomp_rule_add(c, absent, SCMP_SYS(openat2), 0) || deny_by_argument(c, kind);
}

static struct sock_fprog *compile(scmp_filter_ctx c)
{
	AUTO(own_freep) char *bytes = own_alloc(PROGRAM_BYTES_MAX);
	struct sock_fprog *program;
	ssize_t n = -1;
	int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd >= 0 && seccomp_export_bpf(c, fd) == 0)
		n = pread(fd, bytes, PROGRAM_BYTES_MAX, 0);
	if (fd >= 0)
		close(fd);
	if (n <= 0 || n == PROGRAM_BYTES_MAX)
		return NULL;
	program = own_alloc(sizeof(*program));
	program->len = (unsigned short)((size_t)n / sizeof(struct sock_filter));
	program->filter = (struct sock_filter *)(void *)TAKE(bytes);
	return program;
}

const void *worker_sandbox_filter(enum sandbox_kind kind, struct err *e)
{
	static struct sock_fprog *made[SANDBOX_KINDS]; /* as long as the process */
	scmp_filter_ctx c;

	if (made[kind])
		return made[kind];
	c = seccomp_init(SCMP_ACT_ALLOW);
	if (c) {
		if (seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0) {
			/* Older libraries: a longer way through the same rules. */
		}
		if (rules(c, kind) == 0)
			made[kind] = compile(c);
		seccomp_release(c);
	}
	if (!made[kind])
		err_set(e, ERR_LOCAL, "the system call filter cannot be made");
	return made[kind];
}

bool worker_sandbox_filter_there(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int worker_sandbox_filter_enter(const void *filter)
{
	/* The mitigation that filters turn on before Linux 5.16 slows pictures down, and helps
	 * against a neighbour in the same process only. */
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
			    filter);
}

#else

bool worker_sandbox_filter_there(void)
{
	return false;
}

const void *worker_sandbox_filter(enum sandbox_kind kind, struct err *e)
{
	(void)kind;
	err_set(e, ERR_LOCAL, "this build has no system call filter");
	return NULL;
}

int worker_sandbox_filter_enter(const void *filter)
{
	(void)filter;
	return -1;
}

#endif
