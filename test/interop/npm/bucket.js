// serve PORT DIRECTORY BUCKET: an S3 server that checks signatures | get PORT BUCKET KEY: one JSON line, read
// with Amazon's own client.
'use strict';
const crypto = require('crypto');

function serve(port, directory, bucket) {
  const S3rver = require('s3rver');
  return new S3rver({
    port: Number(port), address: '127.0.0.1', silent: true, directory,
    configureBuckets: [{ name: bucket, configs: [] }],
  }).run().then(() => new Promise(() => {}));
}

async function get(port, bucket, key) {
  const { S3Client, GetObjectCommand } = require('@aws-sdk/client-s3');
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true, region: 'us-east-1',
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  });
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const octets = Buffer.from(await answer.Body.transformToByteArray());
  process.stdout.write(JSON.stringify({
    size: octets.length,
    sha256: crypto.createHash('sha256').update(octets).digest('hex'),
    type: answer.ContentType,
    metadata: answer.Metadata,
  }) + '\n');
}

const [verb, ...rest] = process.argv.slice(2);
({ serve, get })[verb](...rest).then(() => process.exit(0), error => {
  console.error(error);
  process.exit(1);
});
