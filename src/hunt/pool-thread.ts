// A thread that runs seeds. It begins with as little as possible: what it needs is loaded compiled, where
// that is kept, and that must be said before anything is loaded.
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadData } from './pool-messages.ts';

const { compileCache } = workerData as ThreadData;
if (compileCache !== undefined) enableCompileCache(compileCache);
const { serve } = await import('./pool-work.ts');
if (parentPort !== null) serve(parentPort, workerData as ThreadData);
