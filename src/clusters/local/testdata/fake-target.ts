import { fileURLToPath } from 'node:url';
import type { LaunchRequest, LaunchSpec } from '../../../contracts/target.ts';

/** Launches `fake-node.ts`. */
export const fakeTarget = {
  launch(request: LaunchRequest): LaunchSpec {
    return {
      command: process.execPath,
      args: [fileURLToPath(new URL('./fake-node.ts', import.meta.url)), JSON.stringify(request)],
      env: {},
    };
  },
};
