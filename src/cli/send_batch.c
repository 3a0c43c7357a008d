/* windlass send --batch: jobs from a file or a pipe, a window of them at a time, so that a million
 * lines need no more memory than a hundred. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/send.h"
#include "produce/batch.h"

#define WINDOW_S 30          /* all tries of one window */
#define OUT_BYTES (1u << 20) /* result lines of one window */
#define TOLD_MAX 200

struct batch {
	struct send *s;
	struct lines lines;
	int64_t bytes; /* of the file; 0: a pipe */
	struct produce_entry *list;
	int64_t at[PRODUCE_WINDOW]; /* line of each entry */
	size_t n;
	int64_t line, sent, failed;
	bool stop; /* the service takes nothing more */
	struct buf out;
};

static void show(struct batch *b)
{
	AUTO(buf_done) struct buf line = BUF(256);

	if (!b->s->live.tty)
		return;
	if (b->bytes > 0) {
		table_bar(&line, (double)b->lines.taken / (double)b->bytes, SEND_BAR_CELLS);
		buf_addc(&line, ' ');
	}
	buf_addf(&line, "%" PRId64 " sent", b->sent);
	if (b->failed)
		buf_addf(&line, ", %" PRId64 " not", b->failed);
	table_live_show(&b->s->live, buf_str(&line));
}

/* On standard error, and with JSON a line that can be sent again where there is a job. */
static void tell_failure(struct batch *b, int64_t line, const struct job *j, const struct err *why)
{
	struct err e = *why;

	b->failed++;
	table_live_end(&b->s->live);
	if (j)
		err_wrap(&e, "line %" PRId64 ": s3://%.64s/%.*s", line, j->bucket, TOLD_MAX,
			 j->key);
	else
		err_wrap(&e, "line %" PRId64, line);
	err_ignore(cli_fail("send", &e));
	if (b->s->json) {
		AUTO(json_freep) struct json *o = j ? job_write(j) : json_object();

		json_set_int(o, "line", line);
		json_set_str(o, "error", why->text);
		json_write(o, &b->out);
		buf_addc(&b->out, '\n');
	}
}

/* What every other job would meet too. */
static bool hopeless(const struct err *e)
{
	return e->kind == ERR_DENIED || e->kind == ERR_NOT_FOUND || e->kind == ERR_UNREACHABLE ||
	       e->kind == ERR_THROTTLED;
}

static int flush(struct batch *b)
{
	const struct produce_way way = { .path = b->s->path,
					 .lane = b->s->lane,
					 .queue_url = b->s->queue_url,
					 .celery = b->s->celery };

	show(b);
	produce_batch(&way, b->list, b->n, span_s(WINDOW_S));
	for (size_t i = 0; i < b->n; i++) {
		const struct produce_entry *t = &b->list[i];

		if (t->sent) {
			b->sent++;
			cli_send_line(b->s, &t->job, t->message_id, &b->out);
			continue;
		}
		tell_failure(b, b->at[i], &t->job, &t->err);
		b->stop |= hopeless(&t->err);
	}
	b->n = 0;
	if (b->out.len)
		table_live_end(&b->s->live);
	if (b->out.len && cli_print(&b->out, CLI_DONE) != CLI_DONE)
		return -1;
	buf_clear(&b->out);
	show(b);
	return 0;
}

static void take(struct batch *b, const char *line, size_t len)
{
	struct produce_entry *t = &b->list[b->n];
	struct err e = { 0 };

	b->line++;
	if (strspn(line, " \t\r") >= len)
		return;
	*t = (struct produce_entry){ 0 };
	if (produce_line_read(line, len, &t->job, &e) < 0) {
		tell_failure(b, b->line, NULL, &e);
		return;
	}
	b->at[b->n++] = b->line;
}

/* A window is full, or what comes next is not there yet. */
static int each_window(struct batch *b)
{
	const char *line;
	size_t len;

	for (;;) {
		bool pending = b->n || b->out.len;
		enum lines_got got = lines_next(&b->lines, !pending, &line, &len);

		if (got == LINES_LINE)
			take(b, line, len);
		if (got != LINES_LINE || b->n == PRODUCE_WINDOW || b->out.len > OUT_BYTES / 2)
			if (flush(b) < 0)
				return -1;
		if (b->stop || got == LINES_END)
			return 0;
	}
}

static int open_batch(struct batch *b, int *ret_fd, struct err *e)
{
	const char *name = b->s->batch;
	struct stat st;

	*ret_fd = STDIN_FILENO;
	if (strcmp(name, "-") != 0)
		*ret_fd = open(name, O_RDONLY | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_errno(e, errno, "opening %s", name);
	if (fstat(*ret_fd, &st) == 0 && S_ISREG(st.st_mode))
		b->bytes = st.st_size;
	return 0;
}

static int conclude(struct batch *b)
{
	struct err e = { 0 };

	table_live_end(&b->s->live);
	if (b->lines.errnum) {
		err_errno(&e, b->lines.errnum, "reading %s after line %" PRId64, b->s->batch,
			  b->line);
		return cli_fail("send", &e);
	}
	if (b->stop) {
		err_set(&e, ERR_UNREACHABLE,
			"stopped: %" PRId64 " sent, %" PRId64
			" not, and nothing after line %" PRId64
			" was tried -> send the lines named above again, and those from %" PRId64
			" on",
			b->sent, b->failed, b->line, b->line + 1);
		return cli_fail("send", &e);
	}
	if (b->failed == 0)
		return CLI_DONE;
	err_set(&e, ERR_LOCAL, "%" PRId64 " sent, %" PRId64 " not", b->sent, b->failed);
	return cli_fail("send", &e);
}

int cli_send_batch(struct send *s)
{
	struct batch b = { .s = s, .out = BUF(OUT_BYTES) };
	struct err e = { 0 };
	int fd, status = CLI_FAILED;

	if (open_batch(&b, &fd, &e) < 0)
		return cli_fail("send", &e);
	b.list = own_array(PRODUCE_WINDOW, sizeof(*b.list));
	lines_init(&b.lines, fd, PRODUCE_LINE_MAX);
	if (each_window(&b) == 0)
		status = conclude(&b);
	lines_done(&b.lines);
	own_free(b.list);
	buf_done(&b.out);
	if (fd != STDIN_FILENO)
		close(fd);
	return status;
}
