import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { errorCodes, isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import { errorAnswerSchema } from '../http/http-errors.ts';
import { folderNames, readText } from '../data-folder.ts';
import { z } from 'zod';

/** Longest wait for an answer, in milliseconds. */
const answerMs = 30_000;

const addressSchema = z.object({ url: z.url(), fingerprint: z.string().nullable() });

/** The operator's way to a running coordinator: address and token from the data folder, the certificate pinned. */
export type OperatorApi = {
  readonly url: string;
  /** @throws the coordinator's error, {UNREACHABLE} {TLS_MISMATCH} */
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown>;
};

/** @throws {UNREACHABLE} when no coordinator was ever started on the folder */
export async function openOperatorApi(dir: string): Promise<OperatorApi> {
  const text = await readText(join(dir, folderNames.address));
  const token = await readText(join(dir, folderNames.operatorToken));
  if (text === null || token === null) {
    throw new SottoError('UNREACHABLE', `no coordinator has been started on ${dir}; start one with sotto serve`);
  }
  const { url, fingerprint } = addressSchema.parse(JSON.parse(text));
  return {
    url,
    async call(method, path, body) {
      const { status, value } = await exchange(new URL(path, url), fingerprint, method, token, body);
      if (status >= 200 && status < 300) return value;
      const known = errorAnswerSchema.safeParse(value);
      if (known.success && Object.hasOwn(errorCodes, known.data.code)) {
        throw new SottoError(known.data.code as ErrorCode, known.data.message);
      }
      throw new SottoError('UNREACHABLE', `${url} answered ${status} to ${method} ${path}`);
    },
  };
}

async function exchange(
  url: URL,
  fingerprint: string | null,
  method: string,
  token: string,
  body: unknown,
): Promise<{ status: number; value: unknown }> {
  try {
    const socket = await connect(url, fingerprint);
    const text = body === undefined ? null : JSON.stringify(body);
    return await new Promise((resolve, reject) => {
      const headers: Record<string, string> = { authorization: `Bearer ${token}`, host: url.host };
      if (text !== null) {
        headers['content-type'] = 'application/json';
        headers['content-length'] = String(Buffer.byteLength(text));
      }
      const sent = httpRequest(
        { method, path: url.pathname, headers, createConnection: () => socket, timeout: answerMs },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            socket.destroy();
            const answered = Buffer.concat(chunks).toString('utf8');
            resolve({ status: answer.statusCode ?? 0, value: answered === '' ? null : JSON.parse(answered) });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer for ${answerMs} ms`)));
      sent.on('error', reject);
      sent.end(text ?? undefined);
    });
  } catch (error) {
    if (isSottoError(error)) throw error;
    throw new SottoError('UNREACHABLE', `${url.origin}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A connection to exactly the pinned certificate: names and dates play no part. @throws {TLS_MISMATCH} */
function connect(url: URL, fingerprint: string | null): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (fingerprint === null ? 80 : 443));
  return new Promise((resolve, reject) => {
    if (fingerprint === null) {
      const socket = connectTcp(port, host, () => resolve(socket));
      socket.once('error', reject);
      return;
    }
    const socket = connectTls({ host, port, rejectUnauthorized: false, minVersion: 'TLSv1.3' }, () => {
      const shown = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex');
      if (shown === fingerprint) return resolve(socket);
      socket.destroy();
      reject(new SottoError('TLS_MISMATCH', `${url.host}: expected certificate ${fingerprint}, it shows ${shown}`));
    });
    socket.once('error', reject);
  });
}
