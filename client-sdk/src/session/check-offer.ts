import { isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import {
  checkPlan,
  checkPolicy,
  ownGroup,
  planHashOf,
  refusalText,
  type OwnGroup,
  type Plan,
  type SignedPlan,
} from '@sotto/shared/plan';
import {
  checkQuotas,
  clientIdOf,
  parseSignedPlan,
  verifyCertificate,
  verifySignedPlanBy,
  type Certificate,
} from '@sotto/shared/protocol';
import { canonicalJson, fromUtf8, toHex } from '@sotto/shared/vector';
import type { ClientBooks } from '../ledger/client-books.ts';
import type { RunOffer } from './machine-state.ts';
import type { AskConsent, ClientPorts } from './ports.ts';

/** Whether a client takes part in a run; `told` is what the coordinator learns of a refusal. */
export type OfferVerdict =
  | { readonly ok: true; readonly plan: Plan; readonly group: OwnGroup; readonly revoked: ReadonlySet<string> }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string; readonly told: string };

/**
 * Everything that a client checks before it accepts a run, cheapest and most telling first: the plan's bytes, the pinned authority's
 * signature, the plan's hash, its own place in the roster, whom the authority revoked, every certificate, the data schema, the
 * plan's own consistency, the policy, whether the books' budget holds all of it, and the split that the data source is pinned to.
 * An accepted plan's charge is set aside in the books. Where the owner is to be asked, that comes last. Never throws.
 */
export async function checkOffer(offer: RunOffer, ports: ClientPorts, books: ClientBooks): Promise<OfferVerdict> {
  try {
    const signed = await fetchSignedPlan(offer, ports);
    const { plan } = signed;
    if (plan.authority !== ports.authority) {
      throw new SottoError(
        'PLAN_UNSIGNED',
        `plan.authority is ${plan.authority}, this client trusts ${ports.authority}`,
      );
    }
    await verifySignedPlanBy(signed, ports.authority, ports.crypto);
    const planHash = planHashOf(plan);
    if (planHash !== offer.planHash) {
      throw new SottoError('PLAN_INVALID', `the offer names plan ${offer.planHash}, its bytes are plan ${planHash}`);
    }
    ports.notify({ type: 'offered', runId: offer.runId, planHash, plan });
    const group = checkRoster(signed, ports.identity.client);
    const revoked = await checkRevoked(plan, group, ports);
    await checkCertificates(plan, group, offer, ports);
    checkSchema(plan, ports);
    const { problems } = checkPlan(plan);
    const [problem] = problems;
    if (problem !== undefined) throw new SottoError('PLAN_INVALID', problemText(problem));
    const refusals = checkPolicy(ports.policy, plan);
    if (refusals.length > 0) {
      return {
        ok: false,
        code: 'PLAN_REFUSED',
        reason: refusals.map((refusal) => refusalText(refusal)).join('; '),
        // What the policy allows stays at home: the line and the plan's own value are enough to correct the plan.
        told: refusals.map(({ line, planned }) => `policy line ${line} refuses ${planned}`).join('; '),
      };
    }
    books.reserve(planHash, plan);
    try {
      await requireConsent(ports, { runId: offer.runId, planHash, plan });
      await books.pinSplit(plan.split, plan.schema.unitId);
    } catch (error) {
      books.release(planHash);
      throw error;
    }
    return { ok: true, plan, group, revoked };
  } catch (error) {
    if (!isSottoError(error)) return refusal(new SottoError('INTERNAL', String(error)), 'INTERNAL');
    return refusal(error, error.code);
  }
}

async function requireConsent({ consent }: ClientPorts, asked: Parameters<AskConsent>[0]): Promise<void> {
  if (consent === undefined || (await consent(asked))) return;
  throw new SottoError('PLAN_REFUSED', 'the owner of the data does not agree to this plan', {
    told: 'the owner of the data does not agree',
  });
}

/** Failures of an offer whose message may leave: all that they quote came with the offer. */
const aboutThePlan: ReadonlySet<ErrorCode> = new Set([
  'CERTIFICATE_INVALID',
  'INVITATION_INVALID',
  'PLAN_INVALID',
  'PLAN_UNSIGNED',
  'REVOKED',
  'REVOCATIONS_STALE',
  'ROSTER_INVALID',
  'SIGNATURE_INVALID',
]);

function refusal(error: SottoError, code: ErrorCode): OfferVerdict {
  // What other plans have spent of the data is nobody else's business.
  if (code === 'BUDGET_EXCEEDED') {
    return { ok: false, code, reason: error.message, told: 'policy line budget.epsilon refuses the plan' };
  }
  // What else speaks of this device and its books, not of the plan or its roster, stays here as well.
  const { told } = error.details;
  if (typeof told === 'string') return { ok: false, code, reason: error.message, told };
  return {
    ok: false,
    code,
    reason: error.message,
    told: aboutThePlan.has(code) ? error.message : `${code} on this client`,
  };
}

async function fetchSignedPlan(offer: RunOffer, ports: ClientPorts): Promise<SignedPlan> {
  const bytes = await ports.transport.fetchBlob(offer.signedPlanBlob);
  const hash = toHex(await ports.crypto.sha256(bytes));
  if (hash !== offer.signedPlanBlob) {
    throw new SottoError('PLAN_INVALID', `the plan's bytes have hash ${hash}, the offer names ${offer.signedPlanBlob}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch {
    throw new SottoError('PLAN_INVALID', 'the signed plan is not JSON');
  }
  return parseSignedPlan(value);
}

/** @returns this client's group, as the signed plan draws it. */
function checkRoster(signed: SignedPlan, own: string): OwnGroup {
  const { plan } = signed;
  for (const { client, identity, name } of plan.roster.clients) {
    const expected = clientIdOf(identity);
    if (client !== expected) {
      throw new SottoError(
        'ROSTER_INVALID',
        `roster, ${name}: the id is ${client}, its identity key gives ${expected}`,
      );
    }
  }
  if (new Set(plan.roster.clients.map(({ client }) => client)).size !== plan.roster.clients.length) {
    throw new SottoError('ROSTER_INVALID', 'roster: a client stands there twice');
  }
  const group = ownGroup(signed, own);
  if (group === null) {
    throw new SottoError('ROSTER_INVALID', `roster: this client ${own} is not among the ${plan.roster.clients.length}`);
  }
  return group;
}

/**
 * A plan stays signed when a client of its roster is revoked, and what is left of it may still sum: sessions that count a revoked
 * client in are refused one by one. Where too few are left for any session, the plan is.
 * @returns whom the authority revoked, in this plan or not.
 */
async function checkRevoked(plan: Plan, { members }: OwnGroup, ports: ClientPorts): Promise<ReadonlySet<string>> {
  const list = (await ports.revocations?.newest()) ?? null;
  if (list === null) return new Set();
  const own = ports.identity.client;
  const all: ReadonlySet<string> = new Set(list.revoked);
  if (all.has(own)) throw new SottoError('REVOKED', `list ${list.number}: the authority revoked this client ${own}`);
  const revoked = members.filter((client) => all.has(client));
  const left = members.length - revoked.length;
  const { minSurvivors } = plan.cohort;
  if (revoked.length > 0 && left < minSurvivors) {
    throw new SottoError(
      'REVOKED',
      `roster: list ${list.number} revokes ${revoked.length} of the ${members.length} clients that sum together, ` +
        `${revoked[0]} among them; ${left} are left, a session needs ${minSurvivors}`,
    );
  }
  return all;
}

/**
 * Every client that this one sums with must be vouched for by the authority, under the name that the roster gives it, so that the
 * coordinator can put nobody in between. An invitation's expiry limits enrolment alone: revocation ends a client.
 */
async function checkCertificates(plan: Plan, group: OwnGroup, offer: RunOffer, ports: ClientPorts): Promise<void> {
  const byIdentity = new Map(offer.certificates.map((certificate) => [certificate.identity, certificate]));
  const members = new Set(group.members);
  const ofGroup: Certificate[] = [];
  for (const { client, name, identity } of plan.roster.clients) {
    if (!members.has(client)) continue;
    const certificate = byIdentity.get(identity);
    if (certificate === undefined) {
      throw new SottoError('CERTIFICATE_INVALID', `roster, ${name} (${client}): no certificate came with the offer`);
    }
    if (certificate.name !== name) {
      throw new SottoError(
        'CERTIFICATE_INVALID',
        `roster, ${client}: called ${name}, certified as ${certificate.name}`,
      );
    }
    await verifyCertificate(certificate, ports.authority, null, ports.crypto);
    ofGroup.push(certificate);
  }
  checkQuotas(ofGroup);
}

function checkSchema(plan: Plan, ports: ClientPorts): void {
  const planned = canonicalJson(plan.schema);
  const local = canonicalJson(ports.data.schema);
  if (planned === local) return;
  let place = 0;
  while (planned[place] === local[place]) place += 1;
  throw new SottoError(
    'PLAN_REFUSED',
    `the plan's data schema "${plan.schema.name}" is not this client's "${ports.data.schema.name}": ` +
      `they part at …${planned.slice(Math.max(0, place - 40), place + 20)}…`,
    { told: `the plan's data schema "${plan.schema.name}" is not this client's` },
  );
}

function problemText(problem: unknown): string {
  return typeof problem === 'string' ? problem : JSON.stringify(problem);
}
