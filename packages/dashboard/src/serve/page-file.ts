import { gzipSync } from "node:zlib";
import { files } from "../page.gen.js";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

export interface PageFile {
  readonly body: string;
  readonly type: string;
}

/** A file of the page; `undefined` for every other name. */
export function pageFile(name: string, base: string): PageFile | undefined {
  const body = Object.hasOwn(files, name) ? files[name] : undefined;
  if (body === undefined) return undefined;
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  // The path is checked by the options: it has no character that HTML knows.
  return { type, body: name === "index.html" ? body.replace("{{base}}", `${base}/`) : body };
}

const zipped = new Map<string, Uint8Array<ArrayBuffer>>();

/** The body for a client that reads gzip. Each is compressed once. */
export function gzipped(body: string): Uint8Array<ArrayBuffer> {
  const found = zipped.get(body);
  if (found !== undefined) return found;
  const result = new Uint8Array(gzipSync(body, { level: 9 }));
  zipped.set(body, result);
  return result;
}
