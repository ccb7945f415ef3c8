type ClosedPort = InstanceType<typeof MessageChannel>['port1'];

let closed: Promise<ClosedPort> | null = null;

/**
 * A function that overwrites bytes with zeros and gives their memory back at once: what is transferred to a closed port is
 * detached and freed. Node's ciphers write into new memory at each call; left to the garbage collector, a sum's key streams
 * wander through hundreds of megabytes, and taking these from the system costs more than the cipher does.
 *
 * @returns for bytes that fill a buffer of their own, which nobody reads afterwards
 */
export async function memoryReleaser(): Promise<(bytes: Uint8Array<ArrayBuffer>) => void> {
  closed ??= closedPort();
  const port = await closed;
  return (bytes) => {
    bytes.fill(0);
    try {
      port.postMessage(null, [bytes.buffer]);
    } catch {
      // Memory that the platform keeps for itself is left to the collector.
    }
  };
}

/** Until it has ended, a port keeps what is posted. */
function closedPort(): Promise<ClosedPort> {
  const { port1 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.once('close', () => resolve(port1));
    port1.close();
  });
}
