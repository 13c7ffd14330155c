// CloudEvents 1.0 in structured JSON mode, as every event of the system travels.
import { randomBytes } from 'node:crypto';

export const EXCHANGE = 'vrs.events';
export const CONTENT_TYPE = 'application/cloudevents+json';

/** A UUID of version 7 (RFC 9562): random, and ordered by time. */
export function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** `data` in a new envelope; `subject` is the project's id. A story begins with its own id. */
export function cloudEvent(type, subject, data) {
  const id = uuid7();
  return {
    specversion: '1.0',
    id,
    source: '/example/node',
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    correlationid: id,
    data,
  };
}

/** The event in `content`, or null if it is none. Attributes and fields that nobody knows are left alone. */
export function read(content) {
  try {
    const event = JSON.parse(content.toString());
    const complete = event.specversion === '1.0' && [event.id, event.type, event.subject].every((it) => typeof it === 'string');
    return complete && typeof event.data === 'object' ? event : null;
  } catch {
    return null;
  }
}
