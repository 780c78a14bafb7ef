import { fileURLToPath } from "node:url";
import type { Clock } from "@scale/core";
import express, { type RequestHandler, Router } from "express";
import { pageFolder } from "../files.js";
import type { Metrics } from "./metrics.js";

/** The page may load its own files and ask its own server. Nothing inline, nothing from elsewhere, in no frame. */
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

/** The page that shows what happens, and the data it shows. */
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

/** Tells the metrics of every response, from the moment the request came in until it is sent. */
export function measure(metrics: Metrics, clock: Clock): RequestHandler {
  return (_request, response, next) => {
    const startedAt = clock.monotonic();
    response.once("finish", () => {
      metrics.recordResponse({ status: response.statusCode, durationMs: clock.monotonic() - startedAt });
    });
    next();
  };
}
