/* windlassd: the controller until a signal. Logs; takes over the lease when its holder ends. */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

struct daemon_options {
	const char *policies, *journal;
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the policies anew. Returns the exit status. */
int control_daemon_run(const struct daemon_options *o);

#endif
