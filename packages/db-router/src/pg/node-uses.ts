import { AmbiguousError, NodeLostError } from "../errors.js";
import type { NodeLoss, PoolLike } from "../types.js";

type OnLoss = (loss: NodeLoss) => void;

/**
 * Statements, streams and transactions under way, by the pool of their node: names are unique within one router only. Each
 * use is told when its node becomes unreachable, because a frozen server never replies.
 */
export class NodeUses {
  readonly #byPool = new WeakMap<PoolLike, Set<OnLoss>>();

  of(pool: PoolLike): Set<OnLoss> {
    const known = this.#byPool.get(pool);
    if (known !== undefined) return known;
    const made = new Set<OnLoss>();
    this.#byPool.set(pool, made);
    return made;
  }

  publish(loss: NodeLoss): void {
    const uses = this.#byPool.get(loss.pool);
    if (uses !== undefined) for (const use of [...uses]) use(loss);
  }
}

/** The error of a use whose node does not reply any more. */
export function lossError({ node, cause }: NodeLoss, mayHaveWritten: boolean): AmbiguousError | NodeLostError {
  return mayHaveWritten ? new AmbiguousError(node, { cause }) : new NodeLostError(node, { cause });
}
