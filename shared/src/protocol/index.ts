export * from './control.ts';
export * from './identity.ts';
export * from './limits.ts';
export * from './live.ts';
export type { ClientTransport, Clock, CoordinatorTransport } from './transport.ts';
