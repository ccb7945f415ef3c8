import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import type { RosterClient, SignedPlan } from '@sotto/shared/plan';
import type { RunStatus } from '@sotto/shared/protocol';

/** The operator's side of a coordinator that runs on this machine, by the token in its data folder. */
export type OperatorApi = {
  submit(plan: SignedPlan): Promise<{ readonly runId: string }>;
  status(runId: string): Promise<RunStatus>;
  runs(): Promise<readonly RunStatus[]>;
  clients(): Promise<readonly RosterClient[]>;
  stop(runId: string): Promise<void>;
  close(): void;
};

export async function openOperatorApi(dir: string, url: string): Promise<OperatorApi> {
  const token = (await readFile(join(dir, 'operator-token'), 'utf8')).trim();
  const secure = url.startsWith('https:');
  const agent = secure
    ? new Agent({ keepAlive: true, ca: await readFile(join(dir, 'tls', 'certificate.pem')) })
    : undefined;

  function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const options = {
        method,
        agent,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      };
      const request = (secure ? httpsRequest : httpRequest)(new URL(path, url), options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) >= 400) {
            reject(new SottoError('UNREACHABLE', `${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
          } else resolve(JSON.parse(text) as T);
        });
      });
      request.once('error', (error) => reject(new SottoError('UNREACHABLE', `${url}: ${error.message}`)));
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Reading changes nothing, so a connection that the server closed while idle is no reason to give up. */
  async function read<T>(path: string): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await call<T>('GET', path);
      } catch (error) {
        if (tries === 5) throw error;
        await new Promise((wake) => setTimeout(wake, 200 * tries));
      }
    }
  }

  return {
    submit: (plan) => call('POST', '/v1/runs', plan),
    status: (runId) => read(`/v1/runs/${runId}`),
    runs: async () => (await read<{ runs: RunStatus[] }>('/v1/runs')).runs,
    async clients() {
      const { clients } = await read<{ clients: (RosterClient & { revoked: boolean })[] }>('/v1/clients');
      return clients
        .filter(({ revoked }) => !revoked)
        .map(({ client, name, identity }) => ({ client, name, identity }))
        .sort((a, b) => (a.client < b.client ? -1 : 1));
    },
    stop: async (runId) => void (await call('POST', `/v1/runs/${runId}/stop`, {})),
    close: () => agent?.destroy(),
  };
}
