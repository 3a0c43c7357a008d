"""What SQS refuses, row by row, with AWS's code and the words that its clients look for, in JSON and in Query."""

import base64
import json

import pytest
from cloud import cloud, code_of

LONG = "x" * 81
TEXT = {"DataType": "String", "StringValue": "v"}
ENTRY = {"Id": "a", "MessageBody": "x"}
ARN = "arn:aws:sqs:us-east-1:123456789012:"
SQS = "AWS.SimpleQueueService."


def redrive(**policy):
    return json.dumps(policy)


def task(queue):
    return base64.b64encode(json.dumps({"taskId": "1-2-3", "sourceArn": ARN + queue}).encode()).decode()


def attribute(name, value, code="InvalidAttributeValue", words=""):
    return "set_queue_attributes", {"Attributes": {name: value}}, code, words


def message(name, code="InvalidParameterValue", words="", **value):
    return "send_message", {"MessageBody": "x", "MessageAttributes": {name: value}}, code, words


# What is asked of the standard queue "jobs", the code and some of the words with which it is refused.
STANDARD = [
    attribute("VisibilityTimeout", "43201", words="Invalid value for the parameter VisibilityTimeout."),
    attribute("VisibilityTimeout", "-1"),
    attribute("VisibilityTimeout", "soon"),
    attribute("DelaySeconds", "901"),
    attribute("MaximumMessageSize", "1023"),
    attribute("MaximumMessageSize", "1048577"),
    attribute("MessageRetentionPeriod", "59"),
    attribute("MessageRetentionPeriod", "1209601"),
    attribute("ReceiveMessageWaitTimeSeconds", "21"),
    attribute("KmsDataKeyReusePeriodSeconds", "59"),
    attribute("Policy", "{"),
    attribute("Bogus", "1", "InvalidAttributeName", "Unknown Attribute Bogus."),
    attribute("QueueArn", "x", "InvalidAttributeName"),
    attribute("FifoQueue", "true", "InvalidAttributeName"),
    attribute("ContentBasedDeduplication", "true", "InvalidAttributeName"),
    attribute("DeduplicationScope", "messageGroup", "InvalidAttributeName"),
    attribute("RedrivePolicy", "{", "InvalidParameterValue", "Redrive policy is not a valid JSON map."),
    attribute("RedrivePolicy", "{}", "InvalidParameterValue", "mandatory attribute: deadLetterTargetArn."),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn=ARN + "jobs"), "InvalidParameterValue",
              "mandatory attribute: maxReceiveCount."),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn=ARN + "jobs", maxReceiveCount=0), "InvalidParameterValue",
              "valid values are from 1 to 1000 both inclusive."),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn=ARN + "jobs", maxReceiveCount=1001),
              "InvalidParameterValue"),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn=ARN + "nobody", maxReceiveCount=3), "InvalidParameterValue",
              "Dead letter target does not exist."),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn=ARN + "jobs.fifo", maxReceiveCount=3),
              "InvalidParameterValue", "Dead-letter queue must be same type of queue as the source."),
    attribute("RedrivePolicy", redrive(deadLetterTargetArn="dummy", maxReceiveCount=42), "InvalidParameterValue",
              "for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn."),
    attribute("RedriveAllowPolicy", redrive(redrivePermission="perhaps"), "InvalidParameterValue"),
    attribute("RedriveAllowPolicy", redrive(redrivePermission="byQueue"), "InvalidParameterValue"),
    ("set_queue_attributes", {"Attributes": {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}},
     "InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time."),
    ("get_queue_attributes", {"AttributeNames": ["Bogus"]}, "InvalidAttributeName", "Unknown Attribute Bogus."),
    ("send_message", {"MessageBody": ""}, "MissingParameter", "The request must contain the parameter MessageBody."),
    ("send_message", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue",
     "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
    ("send_message", {"MessageBody": "x", "DelaySeconds": -1}, "InvalidParameterValue", ""),
    ("send_message", {"MessageBody": "a\ufffeb"}, "InvalidMessageContents", "Invalid binary character '#xFFFE'"),
    ("send_message", {"MessageBody": "x" * 1048577}, "InvalidParameterValue",
     "Message must be shorter than 1048576 bytes."),
    ("send_message", {"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue",
     "The request include parameter that is not valid for this queue type"),
    ("send_message", {"MessageBody": "x", "MessageAttributes": {f"a{i}": TEXT for i in range(11)}},
     "InvalidParameterValue", "Number of message attributes exceeds the allowed maximum [10]."),
    ("send_message", {"MessageBody": "x", "MessageSystemAttributes": {"Bogus": TEXT}}, "InvalidParameterValue", ""),
    ("send_message", {"MessageBody": "x", "MessageSystemAttributes": {
        "AWSTraceHeader": {"DataType": "Number", "StringValue": "1"}}}, "InvalidParameterValue", "type 'String'"),
    message("x", words="Message (user) attribute 'x' must contain a non-empty value of type 'String'.", DataType="String", StringValue=""),
    message("x", words="must contain a non-empty message attribute type.", DataType="", StringValue="v"),
    message("x", words="supported type prefixes is Binary, Number, and String.", DataType="Text", StringValue="v"),
    message("x", words="Can't cast the value of message attribute 'x' to a number.", DataType="Number",
            StringValue="many"),
    message("x", words="type 'Binary'", DataType="Binary", StringValue="v"),
    message("x" * 257, **TEXT),
    message("AWS.x", words="must not start with AWS. or Amazon.", **TEXT),
    message("Amazon.x", **TEXT),
    message(".x", **TEXT),
    message("x.", **TEXT),
    message("x..y", **TEXT),
    message("x y", **TEXT),
    ("send_message_batch", {"Entries": [{"Id": str(i), "MessageBody": "x"} for i in range(11)]},
     SQS + "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."),
    ("send_message_batch", {"Entries": [ENTRY, ENTRY]}, SQS + "BatchEntryIdsNotDistinct", "Id a repeated."),
    ("send_message_batch", {"Entries": [{**ENTRY, "Id": "a b"}]}, SQS + "InvalidBatchEntryId", ""),
    ("send_message_batch", {"Entries": [{**ENTRY, "Id": LONG}]}, SQS + "InvalidBatchEntryId", ""),
    ("send_message_batch", {"Entries": [{"Id": i, "MessageBody": "x" * 600000} for i in "ab"]},
     SQS + "BatchRequestTooLong", "You have sent 1200000 bytes."),
    ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid",
     'The input receipt handle "x" is not a valid receipt handle.'),
    ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}, "ReceiptHandleIsInvalid", ""),
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue",
     "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ("receive_message", {"MaxNumberOfMessages": 0}, "InvalidParameterValue", ""),
    ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Must be >= 0 and <= 20, if provided."),
    ("receive_message", {"VisibilityTimeout": 43201}, "InvalidParameterValue", ""),
    ("receive_message", {"ReceiveRequestAttemptId": "x"}, "InvalidParameterValue", ""),
    ("tag_queue", {"Tags": {f"k{i}": "v" for i in range(51)}}, "InvalidParameterValue",
     "Too many tags added for queue jobs."),
    ("tag_queue", {"Tags": {"aws:x": "v"}}, "InvalidParameterValue", ""),
    ("tag_queue", {"Tags": {"k" * 129: "v"}}, "InvalidParameterValue", "128"),
    ("tag_queue", {"Tags": {"k": "v" * 257}}, "InvalidParameterValue", "256"),
    ("add_permission", {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["Bogus"]},
     "InvalidParameterValue", "Value SQS:Bogus for parameter ActionName is invalid."),
    ("add_permission", {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["CreateQueue"]},
     "InvalidParameterValue", "Only the queue owner is allowed to invoke this action."),
    ("add_permission", {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"] * 8}, "OverLimit",
     "8 Actions were found, maximum allowed is 7."),
    ("add_permission", {"Label": "l l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]},
     "InvalidParameterValue", ""),
    ("remove_permission", {"Label": "l"}, "InvalidParameterValue",
     "Value l for parameter Label is invalid. Reason: can't find label."),
]

FIFO = [
    attribute("FifoThroughputLimit", "perMessageGroupId", words="only when the value for DeduplicationScope"),
    attribute("FifoThroughputLimit", "sometimes"),
    attribute("FifoQueue", "false", words="Reason: Modifying queue type is not supported."),
    ("send_message_batch", {"Entries": [{**ENTRY, "MessageGroupId": "g", "MessageDeduplicationId": "d"},
                                        {"Id": "b", "MessageBody": "x", "MessageDeduplicationId": "e"}]},
     "InvalidParameterValue", "The request must contain the parameter MessageGroupId."),
    ("send_message_batch", {"Entries": [{**ENTRY, "MessageGroupId": "g"}]}, "InvalidParameterValue",
     "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"),
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", ""),
    ("send_message", {"MessageBody": "x", "MessageDeduplicationId": "d"}, "MissingParameter",
     "The request must contain the parameter MessageGroupId."),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g"}, "InvalidParameterValue",
     "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 5},
     "InvalidParameterValue", "not valid for this queue type"),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g" * 129, "MessageDeduplicationId": "d"},
     "InvalidParameterValue", "1 to 128 in length."),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g g", "MessageDeduplicationId": "d"},
     "InvalidParameterValue", "alphanumeric and punctuation characters"),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d" * 129},
     "InvalidParameterValue", ""),
]

# Without a queue of ours.
NONE = [
    ("create_queue", {"QueueName": "a b"}, "InvalidParameterValue",
     "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"),
    ("create_queue", {"QueueName": ""}, "InvalidParameterValue", "1 to 80 in length"),
    ("send_message", {"QueueUrl": "nobody", "MessageBody": "x"}, SQS + "NonExistentQueue", ""),
    ("send_message", {"QueueUrl": "http://nobody", "MessageBody": "x"}, SQS + "NonExistentQueue", ""),
    ("send_message", {"QueueUrl": "http://a/111111111111/jobs", "MessageBody": "x"}, SQS + "NonExistentQueue", ""),
    ("send_message", {"QueueUrl": "http://a/123456789012/", "MessageBody": "x"}, "InvalidAddress", "not valid"),
    ("send_message_batch", {"QueueUrl": "jobs", "Entries": []}, SQS + "EmptyBatchRequest",
     "There should be at least one SendMessageBatchRequestEntry in the request."),
    ("delete_message_batch", {"QueueUrl": "jobs", "Entries": []}, SQS + "EmptyBatchRequest",
     "There should be at least one DeleteMessageBatchRequestEntry in the request."),
    ("untag_queue", {"QueueUrl": "jobs", "TagKeys": []}, "InvalidParameterValue",
     "Tag keys must be between 1 and 128 characters in length."),
    ("create_queue", {"QueueName": LONG}, "InvalidParameterValue", ""),
    ("create_queue", {"QueueName": "x.fifo"}, "InvalidParameterValue", ""),
    ("create_queue", {"QueueName": "x", "Attributes": {"FifoQueue": "true"}}, "InvalidParameterValue",
     "must end with .fifo suffix"),
    ("create_queue", {"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "5"}}, "QueueAlreadyExists",
     "a different value for attribute VisibilityTimeout"),
    ("get_queue_url", {"QueueName": "nobody"}, SQS + "NonExistentQueue", "The specified queue does not exist"),
    ("get_queue_url", {"QueueName": "jobs", "QueueOwnerAWSAccountId": "111111111111"}, SQS + "NonExistentQueue", ""),
    ("list_queues", {"MaxResults": 1001}, "InvalidParameterValue", ""),
    ("list_queues", {"MaxResults": 5, "NextToken": "?"}, "InvalidParameterValue", "Invalid or expired next token."),
    ("start_message_move_task", {"SourceArn": "x"}, "InvalidParameterValue", "You must use this format"),
    ("start_message_move_task", {"SourceArn": ARN + "nobody"}, "ResourceNotFoundException",
     "The resource that you specified for the SourceArn parameter doesn't exist."),
    ("start_message_move_task", {"SourceArn": ARN + "jobs"}, "InvalidParameterValue",
     "Source queue must be configured as a Dead Letter Queue."),
    ("list_message_move_tasks", {"SourceArn": ARN + "jobs", "MaxResults": 11}, "InvalidParameterValue", ""),
    ("cancel_message_move_task", {"TaskHandle": "x"}, "InvalidParameterValue",
     "Value for parameter TaskHandle is invalid."),
    ("cancel_message_move_task", {"TaskHandle": task("nobody")}, "ResourceNotFoundException",
     "The resource that you specified for the SourceArn parameter doesn't exist."),
    ("cancel_message_move_task", {"TaskHandle": task("jobs")}, "ResourceNotFoundException", "Task does not exist."),
]


def refusals(client, rows, **queue):
    """Rows that are not refused as they should be."""
    wrong = []
    for action, arguments, code, words in rows:
        if not hasattr(client, action):
            continue  # Debian's boto3 is older than the action
        try:
            got = getattr(client, action)(**queue, **arguments)
        except Exception as e:
            assert hasattr(e, "response"), repr(e)
            error = e.response["Error"]
            if error["Code"] == code and words in error["Message"]:
                continue
            got = error
        wrong.append((action, str(arguments)[:200], code, words, got))
    return wrong


@pytest.fixture
def sqs(cloud):
    client = cloud.client("sqs", parameter_validation=False)
    for name, attributes in (("jobs", {}), ("jobs.fifo", {"FifoQueue": "true"})):
        client.create_queue(QueueName=name, Attributes=attributes)
    return client


def test_what_is_refused(cloud, sqs):
    assert refusals(sqs, NONE) == []
    assert refusals(sqs, STANDARD, QueueUrl=f"{cloud.url}/123456789012/jobs") == []
    assert refusals(sqs, FIFO, QueueUrl=f"{cloud.url}/123456789012/jobs.fifo") == []


def test_what_is_refused_in_query(cloud, sqs):
    """Debian's boto3 checks some of it by itself and older models lack the move tasks."""
    debian = cloud.debian_client("sqs")
    try:
        rows = [r for r in STANDARD if r[0] != "send_message" or len(str(r[1])) < 10000]
        assert refusals(debian, rows, QueueUrl=f"{cloud.url}/123456789012/jobs") == []
        assert refusals(debian, FIFO, QueueUrl=f"{cloud.url}/123456789012/jobs.fifo") == []
    finally:
        debian.close()


def test_one_encryption_ends_the_other(cloud, sqs):
    url = f"{cloud.url}/123456789012/jobs"

    def encryption():
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return told.get("KmsMasterKeyId"), told["SqsManagedSseEnabled"]
    assert encryption() == (None, "true")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    assert encryption() == ("alias/aws/sqs", "false")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert encryption() == (None, "true")
    fifo = f"{cloud.url}/123456789012/jobs.fifo"
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"DeduplicationScope": "messageGroup"})
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"FifoThroughputLimit": "perMessageGroupId"})
    assert code_of(sqs.tag_queue, QueueUrl=url, Tags={}) == "MissingParameter"


def test_what_is_told_as_aws_tells_it(cloud, sqs):
    """Of a key the period beside it, of a redrive policy a number, and no empty list of attributes."""
    def told(*names):
        return sqs.get_queue_attributes(QueueUrl="jobs", AttributeNames=names).get("Attributes")
    period = "KmsDataKeyReusePeriodSeconds"
    assert told("KmsMasterKeyId", period) is None
    sqs.set_queue_attributes(QueueUrl="jobs", Attributes={"KmsMasterKeyId": "key"})
    assert told(period) == {period: "300"}
    sqs.set_queue_attributes(QueueUrl="jobs", Attributes={"KmsMasterKeyId": "", period: ""})
    assert told("KmsMasterKeyId", period) is None and told("SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}

    sqs.create_queue(QueueName="dead")
    sqs.set_queue_attributes(QueueUrl="jobs", Attributes={
        "RedrivePolicy": redrive(deadLetterTargetArn=ARN + "dead", maxReceiveCount="3")})
    assert json.loads(told("RedrivePolicy")["RedrivePolicy"]) == {"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 3}

    sqs.set_queue_attributes(QueueUrl="jobs", Attributes={"MaximumMessageSize": "1024"})
    failed = sqs.send_message_batch(QueueUrl="jobs", Entries=[{"Id": "a", "MessageBody": "x" * 1025}])["Failed"]
    assert failed == [{"Id": "a", "SenderFault": True, "Code": "InvalidParameterValue", "Message":
                       "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."}]


def test_permissions_are_statements_of_the_policy(cloud, sqs):
    def policy():
        return json.loads(sqs.get_queue_attributes(QueueUrl="jobs", AttributeNames=["Policy"])["Attributes"]["Policy"])
    one = {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
           "Action": "SQS:SendMessage", "Resource": ARN + "jobs"}
    sqs.add_permission(QueueUrl="jobs", Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    assert policy() == {"Version": "2008-10-17", "Id": ARN + "jobs/SQSDefaultPolicy", "Statement": [one]}
    with pytest.raises(sqs.exceptions.ClientError, match="can't find label on existing policy"):
        sqs.remove_permission(QueueUrl="jobs", Label="two")

    mine = {"Version": "2012-10-17", "Id": "mine", "Statement": {**one, "Sid": "two"}}
    sqs.set_queue_attributes(QueueUrl="jobs", Attributes={"Policy": json.dumps(mine)})
    sqs.add_permission(QueueUrl="jobs", Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    assert policy() == {**mine, "Statement": [{**one, "Sid": "two"}, one]}
    for label in ("one", "two"):
        sqs.remove_permission(QueueUrl="jobs", Label=label)
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl="jobs", AttributeNames=["Policy"])
