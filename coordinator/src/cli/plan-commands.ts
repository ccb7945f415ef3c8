import { writeFile } from 'node:fs/promises';
import { planCard, planCosts } from '@sotto/shared/card';
import { SottoError } from '@sotto/shared/errors';
import {
  checkPlan,
  checkThresholds,
  completePlan,
  dataSchemaHashOf,
  findingText,
  groupsOf,
  planHashOf,
  type Groups,
  type Plan,
  type PlanSummary,
} from '@sotto/shared/plan';
import { openData, pinnedAuthority } from '../data-folder.ts';
import type { CommandResult } from './command-result.ts';
import { costLines } from './cost-lines.ts';
import { readJson } from './json-file.ts';
import { readPlan } from './read-plan.ts';

/** Whether a plan can run, what it comes to and what it costs. A signed plan's signature is checked too. */
export async function planCheck(path: string): Promise<CommandResult> {
  const { plan, signedPlan } = await readPlan(path);
  const signed = signedPlan !== null;
  const groups = signedPlan !== null && plan.trust === 'grouped' ? groupsOf(signedPlan) : null;
  const { problems, warnings, summary } = checkPlan(plan, [checkThresholds]);
  const planHash = planHashOf(plan);
  if (problems.length > 0) {
    throw new SottoError('PLAN_INVALID', problems.map(findingText).join('\n'), { problems });
  }
  // Nothing runs whose card cannot be completed: it throws, and names the field.
  planCard(plan, planHash);
  const costs = planCosts(plan);
  return {
    lines: [
      `Plan         ${plan.name}`,
      `Hash         ${planHash}`,
      `Signature    ${signed ? `of authority ${plan.authority}` : 'none yet'}`,
      `Schema       ${plan.schema.name} (hash ${dataSchemaHashOf(plan.schema)})`,
      ...(summary === null ? [] : summaryLines(summary)),
      ...(groups === null ? [] : groupLines(plan, groups)),
      ...costLines(costs),
      ...warnings.map((warning) => `Warning      ${findingText(warning)}`),
      'The plan is sound.',
    ],
    json: {
      sound: true,
      planHash,
      schemaHash: dataSchemaHashOf(plan.schema),
      signed,
      warnings,
      summary,
      costs,
      groups,
    },
  };
}

/** Who sums with whom, as the signature draws it. */
function groupLines(plan: Plan, groups: Groups): string[] {
  const names = new Map(plan.roster.clients.map(({ client, name }) => [client, name]));
  return groups.map((members, group) => {
    const who = members.map((client) => names.get(client) ?? client).join(', ');
    return `${`Group ${group}`.padEnd(13)}${who}`;
  });
}

function summaryLines(summary: PlanSummary): string[] {
  const { groups, thresholds, sessions } = summary;
  return [
    `Clients      ${summary.clients}`,
    `Parameters   ${summary.parameters}`,
    `Sessions     ${sessions.planned}, at most ${sessions.most}${groups === null ? '' : ', each of every group'}`,
    ...(groups === null
      ? []
      : [`Groups       ${groups.count} of ${groups.least} to ${groups.most} clients, a round needs ${groups.needed}`]),
    ...(thresholds === null
      ? []
      : [
          `Cohort       a sum needs ${thresholds.clients - thresholds.dropsTolerated} of ${thresholds.clients} clients (threshold ${thresholds.threshold}): ${thresholds.dropsTolerated} may drop out, at most ${thresholds.colludingMax} may collude`,
        ]),
    ...summary.slots.flatMap(slotLines),
    ...summary.epsilons.map(
      ({ field, stated, recomputed, delta, accountant }) =>
        `Privacy      ${field} = ${stated}, recomputed ${recomputed.toPrecision(6)} at δ = ${delta} (${accountant})`,
    ),
  ];
}

function slotLines(slot: PlanSummary['slots'][number]): string[] {
  const [whole] = slot.events;
  const noise = slot.noiseMultiplier === null ? 'no noise' : `noise multiplier ${slot.noiseMultiplier}`;
  const rate = (whole?.event.samplingNumerator ?? 2 ** 32) / 2 ** 32;
  const drawn = rate < 1 ? `, each ${whole?.event.unit} drawn with chance ${Number(rate.toPrecision(4))}` : '';
  const line = `Slot         ${slot.slot}: ${slot.query} on ${slot.part}, ${slot.dimension} numbers, at most ${slot.count} times, ${noise}${drawn}`;
  if (whole === undefined || slot.events.length === 1) return [line];
  const due = slot.events.filter(({ count }) => count > 0);
  const shares = due.slice(0, 4).map(({ event, count }) => {
    return `${count} × ${Number((event.normBoundSteps / whole.event.normBoundSteps).toPrecision(3))}`;
  });
  const more = due.length > shares.length ? ', …' : '';
  return [line, `Turns        a client is charged for at most ${shares.join(', ')}${more} of an update`];
}

/** Fills in the missing noise or ε. */
export async function planComplete(
  path: string,
  options: { readonly out?: string; readonly schema?: string },
): Promise<CommandResult> {
  const draft = await readJson(path);
  const schema = options.schema === undefined ? {} : { schema: await readJson(options.schema) };
  const plan = completePlan({ ...requireDraft(draft, path), ...schema });
  return writtenPlan(plan, options.out, `completed plan ${planHashOf(plan)}`);
}

/**
 * Fills in authority and roster: every enrolled client that is not revoked, from the data folder. Their certificates go beside,
 * for the authority to check before it signs.
 */
export async function planRoster(
  path: string,
  options: { readonly out?: string; readonly certificates?: string; readonly dir: string; readonly database?: string },
): Promise<CommandResult> {
  const draft = requireDraft(await readJson(path), path);
  const { store } = await openData(options.dir, options.database, 'read');
  try {
    const authority = await pinnedAuthority(options.dir);
    const revoked = new Set((await store.revocations())?.revoked);
    const members = (await store.clients()).filter(({ client }) => !revoked.has(client));
    const clients = members.map(({ client, name, certificate }) => ({ client, name, identity: certificate.identity }));
    if (clients.length === 0) throw new SottoError('ROSTER_INVALID', `no client has enrolled in ${options.dir}`);
    if (options.certificates !== undefined) {
      const certificates = members.map(({ certificate }) => certificate);
      await writeFile(options.certificates, `${JSON.stringify(certificates, null, 2)}\n`);
    }
    const plan = { ...(authority === null ? {} : { authority }), ...draft, roster: { kind: 'pinned', clients } };
    return await writtenPlan(plan, options.out, `roster of ${clients.length} clients`);
  } finally {
    await store.close();
  }
}

/** A plan on the screen, or in a file. */
export async function writtenPlan(plan: object, out: string | undefined, what: string): Promise<CommandResult> {
  const text = JSON.stringify(plan, null, 2);
  if (out === undefined) return { lines: [text], json: plan };
  await writeFile(out, `${text}\n`);
  return { lines: [`${what} written to ${out}`], json: { out, plan } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A draft: an object that nobody has signed. @throws {PLAN_INVALID} */
export function requireDraft(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw new SottoError('PLAN_INVALID', `${path}: a plan is a JSON object`);
  if ('signature' in value) throw new SottoError('PLAN_INVALID', `${path}: the plan is signed already`);
  return value;
}
