export { addUpload, openSessionMemory, type SessionMemory } from './session-memory.ts';
