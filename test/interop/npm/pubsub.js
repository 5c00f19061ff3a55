// create TOPIC SUBSCRIPTION | pull SUBSCRIPTION DISTINCT SECONDS: one JSON line for each message.
'use strict';
const { PubSub } = require('@google-cloud/pubsub');

const pubsub = new PubSub({ projectId: process.env.PUBSUB_PROJECT_ID });
const [verb, ...rest] = process.argv.slice(2);

async function create(topic, subscription) {
  await pubsub.createTopic(topic);
  // Mail without an ordering key comes as it would otherwise.
  await pubsub.topic(topic).createSubscription(
    subscription, { ackDeadlineSeconds: 10, enableMessageOrdering: true });
}

function pull(name, distinct, seconds) {
  const subscription = pubsub.subscription(name);
  const seen = new Set();
  return new Promise((resolve, reject) => {
    const finish = () => subscription.close().then(resolve, reject);
    const limit = setTimeout(finish, Number(seconds) * 1000);
    subscription.on('error', reject);
    subscription.on('message', message => {
      message.ack();
      seen.add(message.attributes['ce-id'] ?? message.data.toString('base64'));
      process.stdout.write(JSON.stringify({
        id: message.id,
        data: message.data.toString('base64'),
        attributes: message.attributes,
        orderingKey: message.orderingKey ?? null,
      }) + '\n');
      if (seen.size >= Number(distinct)) {
        clearTimeout(limit);
        finish();
      }
    });
  });
}

({ create, pull })[verb](...rest).then(() => process.exit(0), error => {
  console.error(error);
  process.exit(1);
});
