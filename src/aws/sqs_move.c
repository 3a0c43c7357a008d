/* Message move tasks: what SQS does with dead letters that have been mended. */
#include "aws/sqs.h"

#include <stdio.h>
#include <string.h>

#include "aws/sqs_own.h"

void aws_sqs_sources_ask(struct request *r, const char *url)
{
	struct json *body = aws_sqs_ask(r, "ListDeadLetterSourceQueues", url);

	json_set_int(body, "MaxResults", 1000);
	aws_sqs_put(r, body);
}

int aws_sqs_sources_read(const struct reply *r, struct sqs_urls *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *list;

	*ret = (struct sqs_urls){ 0 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	list = json_get(j, "queueUrls"); /* as the service writes it, of all its lists */
	ret->list = own_array(json_count(list) + 1, sizeof(*ret->list));
	for (size_t i = 0; i < json_count(list); i++) {
		const char *url = json_str(json_at(list, i));

		if (url)
			ret->list[ret->count++] = own_strdup(url);
	}
	ret->next_token = own_strdup(json_get_str(j, "NextToken"));
	return 0;
}

void aws_sqs_move_start_ask(struct request *r, const char *url, const char *from_arn,
			    const char *to_arn, int rate)
{
	struct json *body = aws_sqs_ask_at(r, "StartMessageMoveTask", url);

	r->write = true;
	json_set_str(body, "SourceArn", from_arn);
	if (to_arn)
		json_set_str(body, "DestinationArn", to_arn);
	if (rate > 0)
		json_set_int(body, "MaxNumberOfMessagesPerSecond", rate);
	aws_sqs_put(r, body);
}

int aws_sqs_move_start_read(const struct reply *r, char **ret_handle, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const char *handle;

	*ret_handle = NULL;
	if (reply_json(r, &j, e) < 0)
		return -1;
	handle = json_get_str(j, "TaskHandle");
	if (!handle || !*handle)
		return reply_odd(r, e, "the answer has no TaskHandle");
	*ret_handle = own_strdup(handle);
	return 0;
}

void aws_sqs_move_list_ask(struct request *r, const char *url, const char *from_arn)
{
	struct json *body = aws_sqs_ask_at(r, "ListMessageMoveTasks", url);

	json_set_str(body, "SourceArn", from_arn);
	json_set_int(body, "MaxResults", 1);
	aws_sqs_put(r, body);
}

int aws_sqs_move_list_read(const struct reply *r, struct sqs_move *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *task;
	const char *status, *reason;

	*ret = (struct sqs_move){ .total = -1 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	task = json_at(json_get(j, "Results"), 0);
	if (!task)
		return err_set(e, ERR_NOT_FOUND, "SQS ListMessageMoveTasks: there is no task");
	status = json_get_str(task, "Status");
	reason = json_get_str(task, "FailureReason");
	if (!status || strlen(status) >= sizeof(ret->status))
		return reply_odd(r, e, "a task has no Status");
	snprintf(ret->status, sizeof(ret->status), "%s", status);
	snprintf(ret->reason, sizeof(ret->reason), "%.255s", reason ? reason : "");
	json_get_int(task, "ApproximateNumberOfMessagesMoved", &ret->moved);
	json_get_int(task, "ApproximateNumberOfMessagesToMove", &ret->total);
	return 0;
}
