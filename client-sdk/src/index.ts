export { isSottoError, SottoError } from '@sotto/shared/errors';
export type * from './client/exports.ts';
export { openClient } from './client/node-client.ts';
