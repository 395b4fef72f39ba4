import fs from 'node:fs';
import { type DocumentNode, type MemberNode, parse } from '@humanwhocodes/momoa';
import { UserError } from '../../lib/user-error.ts';
import type { GivenSetting } from './settings.ts';

/**
 * Reads settings from a JSON file (comments are allowed): one object, `"raft.NAME"` to a text, a
 * whole number, or true and false.
 *
 * @throws UserError (`usage`) that names the file, the line, the key, and why
 */
export function readSettingsFile(path: string): readonly GivenSetting[] {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (cause) {
    throw refused(path, 'cannot be read', String(cause), cause);
  }
  let document: DocumentNode;
  try {
    document = parse(text, { mode: 'jsonc' });
  } catch (cause) {
    throw refused(path, 'is not JSON', cause instanceof Error ? cause.message : '', cause);
  }
  if (document.body.type !== 'Object') {
    throw refused(path, 'holds no object', 'settings are "raft.NAME": "VALUE" in one object');
  }
  const given = new Map<string, GivenSetting>();
  for (const member of document.body.members) {
    const setting = settingOf(path, member);
    if (given.has(setting.name)) {
      const line = member.loc.start.line;
      throw refused(path, `says ${setting.name} twice`, `the second time in line ${line}`);
    }
    given.set(setting.name, setting);
  }
  return [...given.values()];
}

function settingOf(path: string, { name: key, value, loc }: MemberNode): GivenSetting {
  const name = key.type === 'String' ? key.value : key.name;
  const { line } = loc.start;
  const source = { type: 'file', path, line } as const;
  if (value.type === 'String' || value.type === 'Boolean' || value.type === 'Number') {
    return { name, text: String(value.value), source };
  }
  throw refused(
    path,
    `gives ${name} a value of no known kind (line ${line})`,
    'a value is a text, a whole number, true or false',
  );
}

function refused(path: string, what: string, why: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E057',
    what: `the settings file ${path} ${what}`,
    why,
    fix: 'correct the file, for example {"raft.heartbeatInterval": "50ms"}',
    cause,
  });
}
