import { type Answer, HttpClient, type TargetDefinition } from 'gong/target';

export const target: TargetDefinition = {
  // What its clients can do, and what the store promises to whoever does it.
  functions: ['read', 'write', 'cas'],
  promises: () => ({ consistency: 'linearizable' }),

  // Does this node serve? Whatever is thrown means that it does not.
  async probe(url, timeoutNs) {
    await using http = new HttpClient(url);
    const { status, body } = await http.request({ method: 'GET', path: '/health' }, timeoutNs);
    return status === 200 && 'reads' in JSON.parse(body) ? {} : undefined;
  },

  // One client, one connection, one operation at a time. It never repeats a request.
  connect(url) {
    const http = new HttpClient(url);
    return {
      async invoke({ f, key = '', value }, deadlineNs): Promise<Answer> {
        const path = `/kv/${encodeURIComponent(key)}`;
        if (f === 'read') {
          const { status, body } = await http.request({ method: 'GET', path }, deadlineNs);
          if (status === 404) return { type: 'ok', value: null };
          return status === 200 ? { type: 'ok', value: JSON.parse(body) } : unclear(status);
        }
        if (f === 'write') {
          const body = JSON.stringify(value);
          const { status } = await http.request({ method: 'PUT', path, body }, deadlineNs);
          return status === 204 ? { type: 'ok' } : unclear(status);
        }
        const [from, to] = Array.isArray(value) ? value.map(encode) : [];
        const { status, body } = await http.request(
          { method: 'POST', path: `${path}/cas`, body: JSON.stringify({ from, to }) },
          deadlineNs,
        );
        if (status !== 200) return unclear(status);
        return { type: 'ok', applied: JSON.parse(body).applied };
      },
      close: () => http.close(),
    };
  },
};

/** Values are kept as JSON; null stands for what is absent. */
function encode(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** An answer that does not say whether it happened is no proof that it did not. */
function unclear(status: number): Answer {
  return { type: 'info', error: `status ${status}` };
}
