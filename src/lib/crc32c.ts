/**
 * CRC32C (Castagnoli), the checksum of iSCSI (RFC 3720) and of most logs: it guards WAL batches and
 * peer frames. Node's zlib has only the other polynomial, and cores import no packages.
 */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables: eight bytes per round (slicing-by-8), about five times faster than one by one. */
const TABLES: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  const tables = [first];
  for (let t = 1; t < 8; t++) {
    const table = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const crc = tables[t - 1]?.[byte] ?? 0;
      table[byte] = ((crc >>> 8) ^ (first[crc & 0xff] ?? 0)) >>> 0;
    }
    tables.push(table);
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as unknown as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** @returns an unsigned 32-bit number; `crc32c("123456789")` is 0xe3069283 */
export function crc32c(bytes: Uint8Array, start: number = 0, end: number = bytes.length): number {
  const at = (table: Uint32Array, index: number): number => table[index] ?? 0;
  let crc = 0xffffffff;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const low =
      crc ^
      ((bytes[i] ?? 0) |
        ((bytes[i + 1] ?? 0) << 8) |
        ((bytes[i + 2] ?? 0) << 16) |
        ((bytes[i + 3] ?? 0) << 24));
    crc =
      at(T7, low & 0xff) ^
      at(T6, (low >>> 8) & 0xff) ^
      at(T5, (low >>> 16) & 0xff) ^
      at(T4, low >>> 24) ^
      at(T3, bytes[i + 4] ?? 0) ^
      at(T2, bytes[i + 5] ?? 0) ^
      at(T1, bytes[i + 6] ?? 0) ^
      at(T0, bytes[i + 7] ?? 0);
  }
  for (; i < end; i++) crc = at(T0, (crc ^ (bytes[i] ?? 0)) & 0xff) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
