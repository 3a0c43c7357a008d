#include "broker/broker.h"

#include <string.h>

#include "base/own.h"

void broker_message_done(struct broker_message *m)
{
	own_free(m->id);
	own_free(m->handle);
	own_free(m->body);
	own_free(m->wrong);
	own_free(m->raw);
	for (size_t i = 0; i < m->attr_count; i++) {
		own_free(m->attrs[i].name);
		own_free(m->attrs[i].type);
		own_free(m->attrs[i].value);
	}
	own_free(m->attrs);
	*m = (struct broker_message){ .sent = INSTANT_NEVER };
}

static const struct broker_attr *attr_find(const struct broker_message *m, const char *name)
{
	for (size_t i = 0; i < m->attr_count; i++)
		if (strcmp(m->attrs[i].name, name) == 0)
			return &m->attrs[i];
	return NULL;
}

const char *broker_message_attr(const struct broker_message *m, const char *name)
{
	const struct broker_attr *a = attr_find(m, name);

	return a && strncmp(a->type, "Binary", 6) != 0 ? a->value : NULL;
}

static bool noted(const struct broker_note *notes, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(notes[i].name, name) == 0)
			return true;
	return false;
}

size_t broker_message_size(const struct broker_message *m, const struct broker_note *notes,
			   size_t n, size_t *ret_attrs)
{
	size_t size = m->body_len, attrs = n;

	for (size_t i = 0; i < n; i++)
		size += strlen(notes[i].name) + strlen("String") + strlen(notes[i].value);
	for (size_t i = 0; i < m->attr_count; i++) {
		const struct broker_attr *a = &m->attrs[i];

		if (noted(notes, n, a->name))
			continue;
		size += strlen(a->name) + strlen(a->type) + a->value_len;
		attrs++;
	}
	if (ret_attrs)
		*ret_attrs = attrs;
	return size;
}

void broker_describe(struct broker *b, broker_traits_fn *fn, void *arg)
{
	b->ops->describe(b, fn, arg);
}

void broker_receive(struct broker *b, size_t max, struct span wait, struct span hold,
		    broker_received_fn *fn, void *arg)
{
	b->ops->receive(b, max, wait, hold, fn, arg);
}

void broker_extend(struct broker *b, const char *const *handles, const struct span *holds, size_t n,
		   struct span deadline, broker_extended_fn *fn, void *arg)
{
	b->ops->extend(b, handles, holds, n, deadline, fn, arg);
}

void broker_give_back(struct broker *b, const struct broker_message *m, struct span delay,
		      struct span deadline, broker_done_fn *fn, void *arg)
{
	b->ops->give_back(b, m, delay, deadline, fn, arg);
}

void broker_ack(struct broker *b, const struct broker_message *m, const char *result,
		struct span deadline, broker_done_fn *fn, void *arg)
{
	b->ops->ack(b, m, result, deadline, fn, arg);
}

int broker_copy(struct broker *b, enum broker_place place, const struct broker_message *m,
		const struct broker_note *notes, size_t n, struct span deadline, broker_done_fn *fn,
		void *arg, struct err *e)
{
	return b->ops->copy(b, place, m, notes, n, deadline, fn, arg, e);
}

void broker_free(struct broker *b)
{
	if (b)
		b->ops->free(b);
}
