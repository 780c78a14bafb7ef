import { fileURLToPath } from "node:url";
import type { Clock } from "@scale/core";
import express, { type RequestHandler, Router } from "express";
import { pageFolder } from "../files.js";
import type { Metrics } from "./metrics.js";

/** Content security policy: own files and own server only, nothing inline, no framing. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves the live page, its files and its data. */
export function livePage(metrics: Metrics): Router {
  const root = fileURLToPath(pageFolder);
  const router = Router();
  router.use((_request, response, next) => {
    response.set({
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    next();
  });
  router.get("/data", (_request, response) => void response.json(metrics.read()));
  router.get("/", (_request, response) => response.sendFile("index.html", { root, cacheControl: false }));
  router.use(express.static(root, { cacheControl: false, index: false, redirect: false }));
  return router;
}

/** Records status and duration of every response, from the arrival of the request until the response is sent. */
export function measure(metrics: Metrics, clock: Clock): RequestHandler {
  return (_request, response, next) => {
    const startedAt = clock.monotonic();
    response.once("finish", () => {
      metrics.recordResponse({ status: response.statusCode, durationMs: clock.monotonic() - startedAt });
    });
    next();
  };
}
