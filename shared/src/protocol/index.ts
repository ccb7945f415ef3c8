export {
  authorityKeyOf,
  authoritySigned,
  signAsAuthority,
  type AuthorityDomain,
  type AuthorityKey,
} from './authority-signature.ts';
export { checkQuotas, issueCertificate, verifyCertificate } from './certificate.ts';
export { clientIdOf, fingerprintOf, fingerprintWords } from './client-id.ts';
export {
  decodeInvitation,
  encodeInvitation,
  issueInvitation,
  voucherSigned,
  type InvitationTerms,
} from './invitation.ts';
export { signRevocations, verifyRevocations } from './revocations.ts';
export { signInBytes, verifySignIn } from './sign-in.ts';
export { parseSignedPlan, signPlan, verifySignedPlan, verifySignedPlanBy } from './signed-plan.ts';
export * from './control.ts';
export * from './heard.ts';
export * from './http.ts';
export * from './identity.ts';
export * from './limits.ts';
export * from './live.ts';
export type { ClientTransport, Clock, CoordinatorTransport } from './transport.ts';
