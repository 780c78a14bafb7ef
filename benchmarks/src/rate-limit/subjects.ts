import { seededRandom } from "@scale/testkit";

export interface Subject {
  readonly tenantId: string;
  readonly userId: string;
  readonly ip: string;
}

const SEED = 20_261_120;
const PREPARED = 1 << 14;

/** Requests of 10,000 users and addresses in some tenants, in an order that is the same for every contender. */
export function subjects(tenants: number): () => Subject {
  const random = seededRandom(SEED);
  const list = Array.from({ length: PREPARED }, (): Subject => {
    const user = Math.floor(random() * 10_000);
    return {
      tenantId: `tenant-${user % tenants}`,
      userId: `user-${user}`,
      ip: `10.0.${user >> 8}.${user & 255}`,
    };
  });
  let at = 0;
  return () => list[at++ & (PREPARED - 1)] as Subject;
}
