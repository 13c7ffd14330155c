// Publishes a ProjectOrdered: node order.js FILE prints the new project's id.
import { readFile } from 'node:fs/promises';
import amqp from 'amqplib';
import { CONTENT_TYPE, EXCHANGE, cloudEvent, uuid7 } from './events.js';

const file = process.argv[2];
if (!file || !process.env.VRS_AMQP_URL) {
  console.error('Usage: VRS_AMQP_URL=amqp://… node order.js FILE');
  process.exit(2);
}
const event = cloudEvent('vrs.project.ordered.v1', uuid7(), JSON.parse(await readFile(file, 'utf8')));
const connection = await amqp.connect(process.env.VRS_AMQP_URL);
try {
  await publish(connection, event);
  console.log(event.subject);
} catch (error) {
  console.error(`${error.message}; publish it again with the same id: ${JSON.stringify(event)}`);
  process.exitCode = 1;
} finally {
  await connection.close();
}

/** Resolves once the broker has the event safe in a queue; rejects if it refuses it, or if no queue takes it. */
async function publish(connection, event) {
  const channel = await connection.createConfirmChannel();
  let returned = false;
  channel.on('return', () => { returned = true; }); // comes before its confirm
  channel.publish(EXCHANGE, event.type.replace(/^vrs\./, ''), Buffer.from(JSON.stringify(event)), {
    persistent: true,
    mandatory: true,
    contentType: CONTENT_TYPE,
    messageId: event.id,
    type: event.type,
    correlationId: event.correlationid,
    headers: { 'event-id': event.id },
  });
  await channel.waitForConfirms();
  if (returned) throw new Error('No queue takes the order');
}
