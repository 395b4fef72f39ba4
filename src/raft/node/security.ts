import { isIP } from 'node:net';
import { UserError } from '../../lib/user-error.ts';
import { readTlsIdentity, type TlsIdentity } from './tls-identity.ts';
import { readTokenFile, type SharedToken } from './token.ts';

/** Whom a node listens to. */
export interface Security {
  readonly token: SharedToken | undefined;
  readonly tls: TlsIdentity | undefined;
}

/** What was asked for on the command line. */
export interface SecurityFlags {
  readonly host: string;
  readonly tokenFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  /** Listens beyond this machine without any of it. */
  readonly insecure: boolean;
}

/**
 * Reads secrets from their files.
 *
 * @throws UserError (`usage`): a file is no good, or the node would be open to everybody on a network
 */
export function readSecurity(flags: SecurityFlags): Security {
  const token = flags.tokenFile === undefined ? undefined : readTokenFile(flags.tokenFile);
  const tls = readTlsIdentity({ cert: flags.tlsCert, key: flags.tlsKey, ca: flags.tlsCa });
  const isOpen = token === undefined && tls === undefined;
  if (isOpen && !flags.insecure && !isLoopback(flags.host)) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E060',
      what: `a node that listens on ${flags.host} needs --token-file or --tls-cert, --tls-key, --tls-ca`,
      why: 'whoever reaches its ports could read, write and vote',
      fix: 'name one of them, or pass --insecure where the network itself is closed',
    });
  }
  return { token, tls };
}

/** An address that only this machine reaches; a name other than `localhost` may be anything. */
export function isLoopback(host: string): boolean {
  switch (isIP(host)) {
    case 4:
      return host.startsWith('127.');
    case 6:
      return /^(0*:)*0*1$/.test(host) || /^::ffff:127\./i.test(host);
    default:
      return host === 'localhost';
  }
}
