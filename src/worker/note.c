#include "worker/note.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "worker/run.h"

#define NOTE_MAX 8192
#define HOST_MAX 128
#define MOVED_MAX 512
#define INTERRUPTIONS_MAX 1000000

static void set_clean(struct json *j, const char *key, const char *text, size_t most)
{
	AUTO(buf_done) struct buf clean = BUF(most);

	worker_run_clean(text, strlen(text), most, &clean);
	json_set_str(j, key, buf_str(&clean));
}

/* Takes the last attribute off the message, so that the note has a place. */
static struct json *move_one(struct broker_message *m)
{
	struct broker_attr *last = &m->attrs[m->attr_count - 1];
	struct json *j = json_object();

	set_clean(j, "name", last->name, MOVED_MAX);
	set_clean(j, "type", last->type, MOVED_MAX);
	if (strncmp(last->type, "Binary", 6) != 0)
		set_clean(j, "value", last->value, MOVED_MAX);
	own_free(last->name);
	own_free(last->type);
	own_free(last->value);
	m->attr_count--;
	return j;
}

static bool has(const struct broker_message *m, const char *name)
{
	for (size_t i = 0; i < m->attr_count; i++)
		if (strcmp(m->attrs[i].name, name) == 0)
			return true;
	return false;
}

static char *write(const struct note *n, const struct json *moved, size_t complaint_max)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(buf_done) struct buf out = BUF(NOTE_MAX);

	set_clean(j, "reason", n->reason, NOTE_REASON_MAX);
	json_set_str(j, "stage", n->stage);
	if (complaint_max && n->complaint[0])
		set_clean(j, "stderr", n->complaint, complaint_max);
	json_set_int(j, "attempt", n->attempt);
	set_clean(j, "host", n->host, HOST_MAX);
	if (n->evidence)
		json_set_str(j, "evidence", n->evidence);
	if (moved)
		json_set(j, "moved", json_ref((struct json *)moved));
	return json_write(j, &out) == 0 ? buf_take(&out) : NULL;
}

char *worker_note_parked(struct broker_message *m, const struct note *n)
{
	static const size_t complaints[] = { NOTE_STDERR_MAX, NOTE_STDERR_MAX / 8, 0 };
	AUTO(json_freep) struct json *moved = NULL;

	if (m->attr_count >= BROKER_ATTRS_MAX && !has(m, NOTE_PARKED))
		moved = move_one(m);
	for (size_t i = 0; i < COUNT_OF(complaints); i++) {
		char *text = write(n, moved, complaints[i]);
		struct broker_note note = { NOTE_PARKED, text };

		if (text && broker_message_size(m, &note, 1, NULL) <= BROKER_MESSAGE_MAX)
			return text;
		own_free(text);
	}
	return NULL;
}

int worker_note_interruptions(const struct broker_message *m)
{
	const char *before = broker_message_attr(m, NOTE_INTERRUPTED);
	long n = before ? strtol(before, NULL, 10) : 0;

	return n > 0 && n < INTERRUPTIONS_MAX ? (int)n : 0;
}

char *worker_note_interrupted(const struct broker_message *m)
{
	return own_printf("%d", worker_note_interruptions(m) + 1);
}
