export { adequacyChecks, adequacyRules, type AdequacyCheck, type AdequacyRules } from './adequacy-checks.ts';
export { dataCard, type DataCard, type DataCardClient, type DataCardColumn } from './data-card.ts';
export { dataCardMarkdown, driftMarkdown } from './data-card-markdown.ts';
export { privacyCardSchema, type CardAudit, type Guarantee, type PrivacyCard } from './card-schema.ts';
export { cardMarkdown } from './card-markdown.ts';
export { roundedUp as roundedUpEpsilon, whomWords as cardWhom } from './figures.ts';
export { planCard } from './plan-card.ts';
export { planCosts, type PlanCosts } from './plan-costs.ts';
export { runCard, type RunFactsForCard } from './run-card.ts';
