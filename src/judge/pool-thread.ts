// A thread that decides keys. It begins with as little as possible: what it needs is loaded compiled, where
// that is kept, and that must be said before anything is loaded.
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { PoolThreadData } from './pool-messages.ts';

const { compileCache } = workerData as PoolThreadData;
if (compileCache !== undefined) enableCompileCache(compileCache);
const { serve } = await import('./pool-work.ts');
if (parentPort !== null) serve(parentPort, workerData as PoolThreadData);
