import { defined } from '../lib/assert.ts';
import { PAPER_RULES } from '../raft/core/rules.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import type { ScenarioOptions } from './run-scenario.ts';

/**
 * What a node with this defect runs on; without a name, what the paper's does.
 *
 * @throws InvariantError when there is no such defect
 */
export function planted(name: string | undefined): Pick<ScenarioOptions, 'rules' | 'wrapDisk'> {
  if (name === undefined) return {};
  const { rules, disk } = defined(DEFECTS.get(name), `there is a defect ${name}`);
  return {
    rules: { ...PAPER_RULES, ...rules },
    ...(disk === undefined ? {} : { wrapDisk: disk }),
  };
}
