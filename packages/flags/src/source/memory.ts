import type { FlagDocument, FlagSource } from "./types.js";

/** Keeps the rules in this process. For tests, and for applications of one process without Redis. */
export function memorySource(): Required<FlagSource> {
  let current: FlagDocument | undefined;
  const watchers = new Set<() => void>();
  return {
    name: "memory",
    async read({ known, maxBytes }) {
      if (current === undefined) return { is: "absent" };
      const { revision, version } = current;
      if (revision === known) return { is: "unchanged" };
      const bytes = Buffer.byteLength(current.text);
      return bytes > maxBytes ? { is: "too-large", revision, version, bytes } : { is: "document", document: current };
    },
    watch(listener) {
      const watcher = (): void => listener.changed();
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },
    async write({ base, after, ...document }) {
      const version = Math.max(current?.version ?? 0, after) + 1;
      if (current?.revision === document.revision) return { is: "written", version: current.version };
      if (current?.revision !== base) return { is: "conflict" };
      current = { ...document, version };
      for (const watcher of watchers) watcher();
      return { is: "written", version };
    },
  };
}
