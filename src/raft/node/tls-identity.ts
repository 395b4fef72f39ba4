import fs from 'node:fs';
import tls from 'node:tls';
import { UserError } from '../../lib/user-error.ts';

/** PEM texts: who this node is, and whose word it takes for who others are. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** How a listener demands a certificate that `ca` signed. */
export function demandCertificate(identity: TlsIdentity): tls.TlsOptions {
  return { ...identity, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
}

/**
 * Why a certificate is not that of a node; undefined when it is. A node's certificate names the
 * node's id as a DNS name: whoever holds a client's certificate of the same authority is no node.
 */
export function whyNotNode(id: string, certificate: tls.PeerCertificate): string | undefined {
  return tls.checkServerIdentity(id, certificate)?.message;
}

/** @throws UserError (`usage`): one of the three is missing, unreadable, or no PEM of its kind */
export function readTlsIdentity(files: {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}): TlsIdentity | undefined {
  const { cert, key, ca } = files;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined || ca === undefined) {
    throw refused('TLS needs all of --tls-cert, --tls-key and --tls-ca', 'one of them is missing');
  }
  const identity = { cert: read(cert), key: read(key), ca: read(ca) };
  try {
    tls.createSecureContext(identity);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw refused(`${cert}, ${key} and ${ca} do not make an identity`, why, cause);
  }
  return identity;
}

function read(path: string): Buffer {
  try {
    return fs.readFileSync(path);
  } catch (cause) {
    throw refused(`${path} cannot be read`, String(cause), cause);
  }
}

function refused(what: string, why: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E059',
    what,
    why,
    fix: 'name PEM files: a certificate chain, its key, and the authority that signs all of them',
    cause,
  });
}
