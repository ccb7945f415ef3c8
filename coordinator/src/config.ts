import { SottoError } from '@sotto/shared/errors';
import { z } from 'zod';

/** Everything that `sotto serve` can be told. */
export const coordinatorConfigSchema = z.strictObject({
  /** Data folder: store, blobs, tokens, certificate, pinned authority. */
  dir: z.string().min(1).default('.sotto/coordinator'),
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free one. */
  port: z.int().min(0).max(65_535).default(8443),
  /** Names and addresses that the self-made certificate is for, besides the host. */
  names: z.array(z.string().min(1)).default([]),
  /** `postgres://…`; without it an SQLite file in the data folder. */
  database: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Ed25519 public key of the federation's authority; without it the one that `sotto init` pinned. */
  authority: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .optional(),
  tls: z.boolean().default(true),
  cert: z.string().optional(),
  key: z.string().optional(),
  /** Folder of the exported dashboard; false: none is served. Without it the one that was built beside the coordinator, if any. */
  dashboard: z.union([z.string().min(1), z.literal(false)]).optional(),
  /** Origins besides the coordinator's own whose pages may be clients: `https://app.example`. The operator's paths stay closed to them. */
  allowOrigins: z
    .array(z.string().refine(isOrigin, 'expected an origin such as https://app.example, without a path, and never *'))
    .default([]),
  /** MiB of uploads that are in memory at a time; the others wait. One upload always has room. */
  uploadMemory: z.int().min(1).max(65_536).default(64),
  log: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
});
export type CoordinatorConfig = Readonly<z.output<typeof coordinatorConfigSchema>>;
export type CoordinatorConfigInput = z.input<typeof coordinatorConfigSchema>;

/** Whether a text is exactly one origin as browsers name it. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Environment variables and the settings that they give; flags win. */
const environmentNames = {
  SOTTO_DIR: 'dir',
  SOTTO_HOST: 'host',
  SOTTO_PORT: 'port',
  SOTTO_DATABASE: 'database',
  SOTTO_AUTHORITY: 'authority',
  SOTTO_DASHBOARD: 'dashboard',
  SOTTO_LOG: 'log',
  SOTTO_UPLOAD_MEMORY: 'uploadMemory',
} as const;
const numeric: ReadonlySet<string> = new Set(['port', 'uploadMemory']);

/**
 * Environment and flags → one frozen object; nothing else reads the environment.
 * @throws {INVALID_INPUT} naming the setting
 */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>> = {},
): CoordinatorConfig {
  const settings: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(environmentNames)) {
    const text = environment[name];
    if (text !== undefined && text !== '') settings[setting] = numeric.has(setting) ? Number(text) : text;
  }
  for (const [name, value] of Object.entries(flags)) if (value !== undefined) settings[name] = value;
  const parsed = coordinatorConfigSchema.safeParse(settings);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SottoError(
      'INVALID_INPUT',
      `setting ${issue?.path.join('.') || 'name'}: ${issue?.message ?? 'malformed'}`,
    );
  }
  if ((parsed.data.cert === undefined) !== (parsed.data.key === undefined)) {
    throw new SottoError('INVALID_INPUT', 'setting cert: --cert and --key go together');
  }
  return Object.freeze(parsed.data);
}
