// The ceiling: node:http alone. It takes a body to its end and answers what it was told to, whatever
// is asked: --port N --write TEXT --read TEXT
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    write: { type: 'string', default: '{}' },
    read: { type: 'string', default: '{}' },
  },
});

function prepare(body: string): (response: http.ServerResponse) => void {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return (response) => {
    response.writeHead(200, headers);
    response.end(body);
  };
}

const answerRead = prepare(values.read);
const answerWrite = prepare(values.write);

http
  .createServer((request, response) => {
    if (request.method === 'GET') return answerRead(response);
    request.on('end', () => answerWrite(response));
    request.resume();
  })
  .listen(Number(values.port), '127.0.0.1');

process.stdin.on('close', () => process.exit(0));
process.stdin.resume();
