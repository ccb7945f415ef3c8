import { createSeededRandom } from '@sotto/shared/random';
import { expect, it } from 'vitest';
import { createClientDriver } from './create-driver.ts';
import type { ClientPorts } from './ports.ts';

it('A18: does not begin with a random source that is not the platform’s: its keys would keep no secret', async () => {
  const ports = { random: createSeededRandom('known to everybody') } as unknown as ClientPorts;
  await expect(createClientDriver(ports)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('CSPRNG'),
  });
});
