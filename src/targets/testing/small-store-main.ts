// The small store as a program: node small-store-main.ts PORT ['{"loseEvery":50}']
import { startSmallStore } from './small-store.ts';

const [port = '0', planted = '{}'] = process.argv.slice(2);
const store = await startSmallStore(Number(port), JSON.parse(planted));
process.stdout.write(`${store.url}\n`);
