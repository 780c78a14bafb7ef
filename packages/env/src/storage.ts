import { readString, readUrl } from "./fields.js";
import type { Reader } from "./reader.js";
import { settings } from "./table.js";
import type { StorageEnv } from "./types.js";

const { choices, default: localByDefault } = settings["storage.provider"].value;

/** Reads the file storage. A provider without its bucket is a problem. */
export function readStorage(reader: Reader): StorageEnv {
  const { value: provider } = reader.read({
    setting: "storage.provider",
    parse: (raw) => choices.find((choice) => choice === raw),
    fallback: localByDefault,
  });
  const s3Bucket = readString(reader, "storage.s3Bucket");
  const r2Bucket = readString(reader, "storage.r2Bucket");
  const rest = {
    uploadDir: readString(reader, "storage.uploadDir"),
    cdnBaseUrl: readUrl(reader, "storage.cdnBaseUrl"),
  };
  const reason = ` because ${settings["storage.provider"].name} is ${provider}`;
  if (provider === "local") return { provider, s3Bucket, r2Bucket, ...rest };
  reader.requireVariable(provider === "s3" ? "storage.s3Bucket" : "storage.r2Bucket", reason);
  // An empty bucket is never returned: with this problem the environment does not load.
  if (provider === "s3") return { provider, s3Bucket: s3Bucket ?? "", r2Bucket, ...rest };
  return { provider, s3Bucket, r2Bucket: r2Bucket ?? "", ...rest };
}
