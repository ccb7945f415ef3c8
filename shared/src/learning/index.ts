export { strategySchema, type StrategyConfig } from './strategy-schema.ts';
