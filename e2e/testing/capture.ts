/** What a capture holds of one direction of one TCP connection, in order. */
export type CapturedStream = { readonly from: string; readonly to: string; readonly bytes: Buffer };

/** Bytes of the link's header by the capture's link type: Ethernet, Linux cooked, Linux cooked v2. */
const linkHeaders: Readonly<Record<number, { readonly length: number; readonly protocolAt: number }>> = {
  1: { length: 14, protocolAt: 12 },
  113: { length: 16, protocolAt: 14 },
  276: { length: 20, protocolAt: 0 },
};

/**
 * The TCP streams of a capture in pcap format, IPv4 alone, put together by sequence number: what comes twice is taken once.
 * @see draft-ietf-opsawg-pcap §4, §5
 */
export function streamsOf(pcap: Buffer): CapturedStream[] {
  if (pcap.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error('not a pcap file of this byte order');
  const link = linkHeaders[pcap.readUInt32LE(20)];
  if (link === undefined) throw new Error(`unknown link type ${pcap.readUInt32LE(20)}`);
  const segments = new Map<string, { at: number; bytes: Buffer }[]>();
  for (let offset = 24; offset + 16 <= pcap.length;) {
    const length = pcap.readUInt32LE(offset + 8);
    const frame = pcap.subarray(offset + 16, offset + 16 + length);
    offset += 16 + length;
    if (frame.length < link.length + 40 || frame.readUInt16BE(link.protocolAt) !== 0x0800) continue;
    const packet = frame.subarray(link.length);
    if (packet[9] !== 6) continue;
    const ipHeader = ((packet[0] ?? 0) & 15) * 4;
    const tcp = packet.subarray(ipHeader, packet.readUInt16BE(2));
    const bytes = tcp.subarray(((tcp[12] ?? 0) >> 4) * 4);
    if (bytes.length === 0) continue;
    const address = (at: number): string => packet.subarray(at, at + 4).join('.');
    const name = `${address(12)}:${tcp.readUInt16BE(0)} ${address(16)}:${tcp.readUInt16BE(2)}`;
    const stream = segments.get(name) ?? [];
    stream.push({ at: tcp.readUInt32BE(4), bytes });
    segments.set(name, stream);
  }
  return [...segments].map(([name, parts]) => {
    const [from = '', to = ''] = name.split(' ');
    return { from, to, bytes: joined(parts) };
  });
}

/** Segments by sequence number; the first one seen is taken for the beginning. */
function joined(parts: { at: number; bytes: Buffer }[]): Buffer {
  const start = parts[0]?.at ?? 0;
  const placed = parts
    // The difference as a signed number: sequence numbers wrap.
    .map(({ at, bytes }) => ({ at: (at - start) | 0, bytes }))
    .sort((a, b) => a.at - b.at);
  const pieces: Buffer[] = [];
  let end = placed[0]?.at ?? 0;
  for (const { at, bytes } of placed) {
    if (at + bytes.length <= end) continue;
    pieces.push(bytes.subarray(Math.max(0, end - at)));
    end = at + bytes.length;
  }
  return Buffer.concat(pieces);
}

/**
 * The messages of a stream that became a WebSocket, as text, unmasked as RFC 6455 §5.3 says: a client's frames would otherwise
 * hide what they carry from every search. Empty for other streams.
 */
export function webSocketTexts(stream: CapturedStream): string[] {
  // A connection that carried other requests before may become one.
  const upgrade = stream.bytes.toString('latin1').search(/^upgrade: websocket/im);
  const head = upgrade < 0 ? -1 : stream.bytes.indexOf('\r\n\r\n', upgrade);
  if (head < 0) return [];
  const texts: string[] = [];
  let message: Buffer[] = [];
  for (let at = head + 4; at + 2 <= stream.bytes.length;) {
    const first = stream.bytes[at] ?? 0;
    const second = stream.bytes[at + 1] ?? 0;
    at += 2;
    let length = second & 127;
    if (length === 126) {
      length = stream.bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(stream.bytes.readBigUInt64BE(at));
      at += 8;
    }
    const mask = (second & 128) === 0 ? null : stream.bytes.subarray(at, at + 4);
    if (mask !== null) at += 4;
    const payload = Buffer.from(stream.bytes.subarray(at, at + length));
    at += length;
    if (mask !== null) for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
    message.push(payload);
    if ((first & 128) === 0) continue;
    texts.push(Buffer.concat(message).toString('utf8'));
    message = [];
  }
  return texts;
}
