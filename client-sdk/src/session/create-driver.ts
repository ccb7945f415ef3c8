import { checkOffer } from './check-offer.ts';
import { openClientDriver } from './driver.ts';
import type { ClientDriver, ClientPorts } from './ports.ts';

/**
 * Opens the books and makes a client's driver: it performs the effects of the client machine and turns what comes of them
 * into events.
 *
 * @example
 * const driver = await createClientDriver(ports);
 * socket.on('message', (message) => driver.received(serverMessageSchema.parse(message)));
 *
 * @throws {INVALID_INPUT} when the random source is not the platform's CSPRNG, outside simulation and tests.
 * @throws {STORE_FAILED} when the books cannot be read.
 */
export function createClientDriver(ports: ClientPorts): Promise<ClientDriver> {
  return openClientDriver(ports, checkOffer);
}
