// Follows every project's events: node follow.js QUEUE FILE appends each event to FILE once, however often it comes.
import { open, readFile } from 'node:fs/promises';
import amqp from 'amqplib';
import { EXCHANGE, read } from './events.js';

const [queue, file] = process.argv.slice(2);
if (!queue || !file || !process.env.VRS_AMQP_URL) {
  console.error('Usage: VRS_AMQP_URL=amqp://… node follow.js QUEUE FILE');
  process.exit(2);
}

// What was handled and what came of it stand in one place and are written in one go: a crash between this and the
// ack leads to a duplicate that is recognized. A real application does both in one transaction of its database.
const before = await textOf(file);
const handled = new Set(before.split('\n').map(idIn).filter(Boolean));
const story = await open(file, 'a');
if (before && !before.endsWith('\n')) await story.appendFile('\n'); // a crash has torn the last line: it comes again

/** What becomes of a message: handled, duplicate, ignored (a type that is not ours) or refused (no event at all). */
async function handle(message) {
  const event = read(message.content);
  if (!event) return 'refused';
  if (!/^vrs\..+\.v1$/.test(event.type)) return 'ignored';
  if (handled.has(event.id)) return 'duplicate';
  const line = { id: event.id, time: event.time, type: event.type, project: event.subject, data: event.data };
  await story.appendFile(`${JSON.stringify(line)}\n`);
  await story.datasync();
  handled.add(event.id);
  return 'handled';
}

/** Runs after every connect and reconnect. The queue is durable: what comes while nobody listens waits in it. */
async function listen(connection) {
  const channel = await connection.createChannel();
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(queue, EXCHANGE, '#');
  await channel.prefetch(1); // one after the other: two copies of an event must not be looked up at the same time
  await channel.consume(queue, async (message) => {
    if (message === null) return listen(connection); // the queue was deleted
    let outcome;
    try {
      outcome = await handle(message);
    } catch (error) { // the disk is full, say: the message comes again
      console.error(error.message);
      setTimeout(() => settle(() => channel.nack(message)), 1000);
      return;
    }
    settle(() => {
      if (outcome === 'refused') channel.nack(message, false, false);
      else channel.ack(message);
      answer(channel, message, outcome);
    });
  });
  console.log(`listening on ${queue}`);
}

/** A channel that was lost meanwhile throws. The message comes again over the next one, and is recognized. */
function settle(tell) {
  try {
    tell();
  } catch (error) {
    console.error(`not acknowledged: ${error.message}`);
  }
}

/** Tells whoever asks, as `vrs contracts rehearse` does, what became of a message. */
function answer(channel, { properties }, outcome) {
  if (!properties.replyTo) return;
  const body = Buffer.from(JSON.stringify({ outcome }));
  channel.sendToQueue(properties.replyTo, body, { correlationId: properties.messageId, contentType: 'application/json' });
}

async function textOf(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function idIn(line) {
  try {
    return JSON.parse(line).id;
  } catch {
    return null;
  }
}

const connection = await amqp.connect(process.env.VRS_AMQP_URL, { recovery: { initialMaxRetries: 3, setup: listen } });
connection.on('error', (error) => console.error(error.message));
connection.on('disconnect', (error) => console.error(`disconnected, reconnecting: ${error.message}`));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await connection.close();
    await story.close();
  });
}
