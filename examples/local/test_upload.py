"""What the fixture of conftest.py is good for: an upload that tells a queue, without AWS."""

import json

import boto3


def test_an_upload_is_told_to_the_queue(cloud):
    session = boto3.Session()
    sqs, s3 = session.client("sqs"), session.client("s3")
    url = sqs.create_queue(QueueName="uploads")["QueueUrl"]
    s3.create_bucket(Bucket="videos")
    s3.put_bucket_notification_configuration(Bucket="videos", NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:uploads", "Events": ["s3:ObjectCreated:*"]}]},
        SkipDestinationValidation=True)
    s3.put_object(Bucket="videos", Key="cat.mp4", Body=b"...")
    told, = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(told["Body"])["Records"][0]["s3"]["object"]["key"] == "cat.mp4"
