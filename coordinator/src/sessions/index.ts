export { addUpload, openSessionMemory, type SessionMemory } from './session-memory.ts';
export { createMaskThreads, type MaskThreads } from './mask-threads.ts';
