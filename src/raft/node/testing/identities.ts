import path from 'node:path';
import { defined } from '../../../lib/assert.ts';
import { readTlsIdentity, type TlsIdentity } from '../tls-identity.ts';

/** A file of the test certificates; `make.sh` beside them says how they were made. */
export function certificateFile(name: string): string {
  return path.join(import.meta.dirname, '../testdata/tls', name);
}

/** Who holds that certificate, and believes in that authority. */
export function identity(name: string, authority = 'ca'): TlsIdentity {
  return defined(
    readTlsIdentity({
      cert: certificateFile(`${name}.pem`),
      key: certificateFile(`${name}.key`),
      ca: certificateFile(`${authority}.pem`),
    }),
    'all three are named',
  );
}
