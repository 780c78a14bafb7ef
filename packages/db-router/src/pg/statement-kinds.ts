import { FunctionCatalog, mayChangeFunctions } from "../postgres/function-catalog.js";
import type { CorrectableClassifier } from "../postgres/sql/classifier.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { PoolLike, Routing } from "../types.js";

/**
 * Kinds of statements: by their text, by what the database says about the functions that they call, and by what servers
 * have shown. Doubt ends: a statement that ran read-only once is a read, and one that was refused is a write.
 */
export class StatementKinds {
  readonly #routing: Pick<Routing, "primaryPool">;
  readonly #classifier: CorrectableClassifier;
  /** By the pool of the primary: shards, and a promoted server, may have other functions. */
  readonly #catalogs = new WeakMap<PoolLike, FunctionCatalog>();

  constructor(routing: Pick<Routing, "primaryPool">, classifier: CorrectableClassifier) {
    this.#routing = routing;
    this.#classifier = classifier;
  }

  kindOf(text: string): StatementKind {
    const kind = this.#classifier.classify(text);
    if (kind !== "call") return kind;
    const pool = this.#primaryPool();
    return pool === undefined ? kind : this.#catalogOf(pool).kindOf(text, pool);
  }

  /** True when a primary may run a doubtful statement read-only first, to see whether it writes. */
  canVerify(text: string | undefined): boolean {
    return text !== undefined && this.#catalog()?.isLoaded === true;
  }

  /** Records that a server ran the statement read-only. */
  learnRead(text: string | undefined): void {
    if (text !== undefined) this.#catalog()?.learn(text, "read");
  }

  /** Records that a server refused to run the statement read-only, and that the primary then ran it. */
  learnWrite(text: string | undefined): void {
    if (text === undefined) return;
    if (this.#classifier.classify(text) === "call") this.#catalog()?.learn(text, "write");
    // A view or an operator hides the function.
    else this.#classifier.correct(text, "write");
  }

  /** Asks the catalogue again after a statement that may have changed functions. @returns true for such a statement */
  noteEnd(text: string | undefined): boolean {
    if (text === undefined || !mayChangeFunctions(text)) return false;
    this.forgetFunctions();
    return true;
  }

  forgetFunctions(): void {
    this.#catalog()?.forget();
  }

  #catalog(): FunctionCatalog | undefined {
    const pool = this.#primaryPool();
    return pool && this.#catalogOf(pool);
  }

  /** `undefined` for a tenant without a shard. The checkout throws for it. */
  #primaryPool(): PoolLike | undefined {
    try {
      return this.#routing.primaryPool();
    } catch {
      return undefined;
    }
  }

  #catalogOf(pool: PoolLike): FunctionCatalog {
    let catalog = this.#catalogs.get(pool);
    if (catalog === undefined) this.#catalogs.set(pool, (catalog = new FunctionCatalog()));
    return catalog;
  }
}
