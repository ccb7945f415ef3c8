#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// A node shares its machine with its owner's work. V8 would let the space of short-lived objects grow to 32 MB, half of what a
// node needs in all; kept at its first size, rounds take the same time.
setFlagsFromString('--semi-space-growth-factor=1');
await import('../dist/bin.js');
