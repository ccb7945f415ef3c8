// The types of the client, the same on every platform.
export type {
  Client,
  ClientMember,
  ClientModel,
  JoinOptions,
  OpenOptions,
  RunningClient,
  StartOptions,
} from './client.ts';
export type { ClientData } from './data.ts';
export type { ConsentRequest, ConsentWords } from './consent.ts';
export type { Notice } from './notices.ts';
export type { NodeResult } from '../node-config.ts';
