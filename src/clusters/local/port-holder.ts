import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTEN = '0A';
/** 127.0.0.1 and "any", as IPv4 and as IPv6: the local addresses that are in our way. */
const addresses = [
  '0100007F',
  '00000000',
  '0000000000000000FFFF00000100007F',
  '00000000000000000000000000000000',
];

/**
 * Who has a TCP port, as far as the system tells: `pid 4121 (node server.js)`. Linux only, and only
 * processes of the same user, unless run by root.
 */
export async function describeHolder(port: number): Promise<string | undefined> {
  const inode = await socketInode(port);
  if (inode === undefined) return undefined;
  const pid = await pidWithSocket(inode);
  if (pid === undefined) return undefined;
  const command = await readOrEmpty(`/proc/${pid}/cmdline`);
  const words = command.split('\0').join(' ').trim();
  return `pid ${pid} (${words.length > 60 ? `${words.slice(0, 59)}…` : words})`;
}

/** Whether somebody listens on the port, asked without touching it. False where nobody can tell. */
export async function hasListener(port: number): Promise<boolean> {
  return (await sockets(port)).some((socket) => socket.state === LISTEN);
}

/** The listening socket's inode, or else that of a connection that has the port as its own. */
async function socketInode(port: number): Promise<string | undefined> {
  const all = await sockets(port);
  return (all.find((socket) => socket.state === LISTEN) ?? all[0])?.inode;
}

/** Rows of /proc/net/tcp and tcp6 with this local port, see proc_pid_net(5). */
async function sockets(port: number): Promise<{ state: string; inode: string }[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readOrEmpty));
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((row) => row.trim().split(/\s+/))
    .filter((fields) => addresses.some((address) => fields[1] === address + suffix))
    .map((fields) => ({ state: fields[3] ?? '', inode: fields[9] ?? '' }));
}

async function pidWithSocket(inode: string): Promise<string | undefined> {
  const wanted = `socket:[${inode}]`;
  for (const pid of (await readdirOrEmpty('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await readdirOrEmpty(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (target === wanted) return pid;
    }
  }
  return undefined;
}

// Whatever cannot be read (another system, another user's process, a process that just ended) has
// nothing to tell.
async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function readdirOrEmpty(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
