export { auditNoise, noiseThroughDoor } from './noise-through-door.ts';
export { auditPlan, roundedDown, roundedUp, type AuditOptions, type AuditReport } from './audit-plan.ts';
export { auditPower, type AuditPower, type PowerOptions } from './audit-power.ts';
export { auditSetup, type AuditSetup } from './audit-setup.ts';
export { checkNoise, type NoiseCheck, type NoiseStatistic } from './noise-check.ts';
export { correctGuesses, drawCanaries } from './guess-canaries.ts';
export { scoreCanaries, type ScoreOptions } from './score-canaries.ts';
