export { describePlan } from './describe-plan.ts';
export { durationMs } from './duration.ts';
export { openKey, parseKeyFile, passphraseMinCharacters, sealKey, type AuthorityKeyFile } from './key-file.ts';
export { preparePlan, type PlanAdditions } from './prepare-plan.ts';
export { nextRevocations } from './revoke.ts';
