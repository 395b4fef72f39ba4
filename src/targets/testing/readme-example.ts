/** The one block of TypeScript in the README's section "Your own store". @throws when it is not there */
export function exampleOf(readme: string): string {
  const section = /^## Your own store$([\s\S]*?)^## /m.exec(readme)?.[1];
  const blocks = [...(section ?? '').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  const [block] = blocks;
  if (block?.[1] === undefined || blocks.length !== 1) {
    throw new Error('README.md has no section "Your own store" with one block of TypeScript');
  }
  return block[1];
}
