import type { RequestHandler } from "express";
import type { RatesClient } from "../rates/client.js";

/** Serves exchange rates: live ones, or the last that are known. */
export function showRates(rates: RatesClient): RequestHandler {
  return async (_request, response) => {
    response.json(await rates.get());
  };
}
