import { startServer } from "../server.js";

/** Exchange rates for one euro. */
export type Rates = Readonly<Record<string, number>>;

export interface RatesService {
  readonly url: string;
  /** True while requests are accepted and never answered, as by a service that has lost its own database. */
  isStuck: boolean;
  close(): Promise<void>;
}

const RATES: Rates = { USD: 1.08, GBP: 0.85, CHF: 0.96 };

/** Stands in for the service of another company. */
export async function startRatesService(): Promise<RatesService> {
  const server = await startServer((_request, response) => {
    if (!service.isStuck) response.setHeader("content-type", "application/json").end(JSON.stringify(RATES));
  }, 0);
  const service: RatesService = { url: server.url, isStuck: false, close: () => server.close() };
  return service;
}
