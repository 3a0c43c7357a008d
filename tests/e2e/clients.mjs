// What the JavaScript SDK makes of the embedded cloud; run by test_local_clients.py, which gives the
// endpoint and the keys in the environment and the folder of packages as the working directory.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const require = createRequire(process.cwd() + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [{ SQS }, { S3 }, { CloudWatch }, { Upload }, { Consumer }] = await Promise.all(
  ["@aws-sdk/client-sqs", "@aws-sdk/client-s3", "@aws-sdk/client-cloudwatch", "@aws-sdk/lib-storage", "sqs-consumer"].map(load));

const tests = {
  async queues() {
    const sqs = new SQS();
    const { QueueUrl } = await sqs.createQueue({ QueueName: "js", Attributes: { VisibilityTimeout: "7" } });
    const sent = await sqs.sendMessageBatch({ QueueUrl, Entries: [0, 1, 2].map((i) => ({
      Id: `${i}`, MessageBody: `ü ${i}`, MessageAttributes: { n: { DataType: "Number", StringValue: `${i}` } } })) });
    assert.equal(sent.Successful.length, 3);
    const got = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] });
    assert.deepEqual(got.Messages.map((m) => m.Body).sort(), ["ü 0", "ü 1", "ü 2"]);
    assert.deepEqual(got.Messages.map((m) => m.MessageAttributes.n.StringValue).sort(), ["0", "1", "2"]);
    await sqs.deleteMessageBatch({ QueueUrl, Entries: got.Messages.map((m, i) => ({ Id: `${i}`, ReceiptHandle: m.ReceiptHandle })) });
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] });
    assert.equal(Attributes.ApproximateNumberOfMessages, "0");
    assert.equal(Attributes.VisibilityTimeout, "7");
    await assert.rejects(sqs.getQueueUrl({ QueueName: "nowhere" }), { name: "QueueDoesNotExist" });
  },

  async consumer() {
    const sqs = new SQS();
    const { QueueUrl } = await sqs.createQueue({ QueueName: "consumed" });
    for (let i = 0; i < 5; i++) await sqs.sendMessage({ QueueUrl, MessageBody: `${i}` });
    const seen = new Set();
    await new Promise((resolve, reject) => {
      const consumer = Consumer.create({
        queueUrl: QueueUrl, sqs, batchSize: 2, waitTimeSeconds: 1,
        handleMessage: async (m) => { seen.add(m.Body); return m; },
      });
      consumer.on("error", reject);
      consumer.on("processing_error", reject);
      consumer.on("empty", () => { consumer.stop(); });
      consumer.on("stopped", resolve);
      consumer.start();
    });
    assert.equal(seen.size, 5);
    const { Attributes: left } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] });
    assert.equal(left.ApproximateNumberOfMessages, "0");
    assert.equal(left.ApproximateNumberOfMessagesNotVisible, "0");
  },

  async objects() {
    const s3 = new S3({ forcePathStyle: true });
    await s3.createBucket({ Bucket: "js-bucket" });
    const body = randomBytes(3 << 20), etag = `"${createHash("md5").update(body).digest("hex")}"`;
    assert.equal((await s3.putObject({ Bucket: "js-bucket", Key: "a b/ü", Body: body, Metadata: { who: "me" } })).ETag, etag);
    const got = await s3.getObject({ Bucket: "js-bucket", Key: "a b/ü", ChecksumMode: "ENABLED" });
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), body);
    assert.equal(got.Metadata.who, "me");
    const big = randomBytes(11 << 20);
    await new Upload({ client: s3, params: { Bucket: "js-bucket", Key: "big", Body: Readable.from([big]) } }).done();
    assert.equal((await s3.headObject({ Bucket: "js-bucket", Key: "big" })).ContentLength, big.length);
    const listed = await s3.listObjectsV2({ Bucket: "js-bucket" });
    assert.deepEqual(listed.Contents.map((o) => o.Key), ["a b/ü", "big"]);
    await assert.rejects(s3.getObject({ Bucket: "js-bucket", Key: "none" }), { name: "NoSuchKey" });
    await s3.deleteObjects({ Bucket: "js-bucket", Delete: { Objects: listed.Contents.map(({ Key }) => ({ Key })) } });
    await s3.deleteBucket({ Bucket: "js-bucket" });
  },

  async metrics() {
    const metrics = new CloudWatch();
    await metrics.putMetricData({ Namespace: "js", MetricData: [{ MetricName: "m", Value: 3, Unit: "Count" }] });
    const { Metrics } = await metrics.listMetrics({ Namespace: "js" });
    assert.deepEqual(Metrics.map((m) => m.MetricName), ["m"]);
  },
};

await tests[process.argv[2]]();
console.log("done");
