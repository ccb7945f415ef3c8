import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';

/** Certificate and key as PEM texts, and what clients pin: the SHA-256 of the certificate's DER, hex. */
export type TlsIdentity = { readonly cert: string; readonly key: string; readonly fingerprint: string };

/** How long a self-made certificate lasts; nodes pin its fingerprint, so its end is a formality. */
const validMs = 10 * 365 * 86_400_000;

/**
 * The certificate of the data folder, made on first use: ECDSA P-256, self-signed, the key readable by its owner alone.
 * @param hosts - names and addresses that the certificate is for
 */
export async function ownCertificate(folder: string, hosts: readonly string[], nowMs: number): Promise<TlsIdentity> {
  const certPath = join(folder, 'tls', 'certificate.pem');
  const keyPath = join(folder, 'tls', 'key.pem');
  const known = await readPair(certPath, keyPath);
  if (known !== null) return known;
  // Loaded here, since it is needed once in the life of a data folder.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Sotto coordinator',
      notBefore: new Date(nowMs - 86_400_000),
      notAfter: new Date(nowMs + validMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
        ),
      ],
    },
    webcrypto,
  );
  const cert = certificate.toString('pem');
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  await mkdir(dirname(keyPath), { recursive: true, mode: 0o700 });
  await writeFile(keyPath, key, { mode: 0o600 });
  await chmod(keyPath, 0o600);
  await writeFile(certPath, cert);
  return { cert, key, fingerprint: fingerprintOfPem(cert) };
}

/** A certificate of the operator's own. @throws {FILE_NOT_FOUND} */
export async function givenCertificate(certPath: string, keyPath: string): Promise<TlsIdentity> {
  const pair = await readPair(certPath, keyPath);
  if (pair === null) throw new SottoError('FILE_NOT_FOUND', `cannot read ${certPath} or ${keyPath}`);
  return pair;
}

async function readPair(certPath: string, keyPath: string): Promise<TlsIdentity | null> {
  try {
    const [cert, key] = await Promise.all([readFile(certPath, 'utf8'), readFile(keyPath, 'utf8')]);
    return { cert, key, fingerprint: fingerprintOfPem(cert) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function fingerprintOfPem(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}
