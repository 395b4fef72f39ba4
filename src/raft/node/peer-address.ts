/** Where a node listens for its peers. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const ADDRESS_LENGTH_MAX = 260;

/** `HOST:PORT`; an IPv6 host may stand in brackets. Undefined when it is none. */
export function parseAddress(text: string): HostAndPort | undefined {
  const match = /^(?:\[([^\]]+)\]|([^\s[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || text.length > ADDRESS_LENGTH_MAX) return undefined;
  return port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
