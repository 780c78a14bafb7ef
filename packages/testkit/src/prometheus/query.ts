/** One series of the answer to a query. */
export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Evaluates PromQL now, at a server with the query API of Prometheus. Throws for an expression that is wrong. */
export async function queryInstant(url: string, expr: string): Promise<QueryResult[]> {
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body: new URLSearchParams({ query: expr }) });
  const answer = (await response.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data?: { readonly result: readonly { metric: Record<string, string>; value?: [number, string] }[] };
  };
  if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
  return (answer.data?.result ?? []).map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }));
}
