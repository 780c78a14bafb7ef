import type { Router } from "@scale/db-router";
import { type ContactsCluster, type Line, type SectionOptions, startContacts } from "@scale/testkit";
import { prismaFor } from "@scale/db-router/scenarios";
import { line } from "../bound.js";
import {
  type ConnectPrisma,
  type Contender,
  drizzleContender,
  peers,
  pgContender,
  prismaContender,
} from "./contenders.js";
import { type Cycles, writeAndRead } from "./cycles.js";
import { acrossProcesses } from "./processes.js";
import { disturbReplay } from "./replay.js";
import { returns, sessionsOf } from "./return.js";
import { addressesOf, routerOn, SEED } from "./stage.js";

/** Does a session ever read less than it wrote while replicas lag, and do replicas still serve reads? */
export async function* readYourWrites({ smoke }: SectionOptions): AsyncIterable<Line> {
  const [connect, cluster] = await Promise.all([prismaFor(), startContacts()]);
  const cycles = smoke ? 50 : 2_000;
  try {
    const router = await routerOn(addressesOf(cluster));
    try {
      for (const contender of [pgContender(router), drizzleContender(router), prismaContender(router, connect)]) {
        yield* ours(contender, { cluster, router, cycles });
      }
      const begin = sessionsOf(router);
      yield await returns(cluster, { what: "sessions of one process", rounds: smoke ? 1 : 20, begin });
    } finally {
      await router.close();
    }
    yield* acrossProcesses(cluster, smoke);
    yield* controls(cluster, { connect, cycles });
  } finally {
    await cluster.stop();
  }
}

interface Setup {
  readonly cluster: ContactsCluster;
  readonly router: Router;
  readonly cycles: number;
}

async function* ours(contender: Contender, { cluster, router, cycles }: Setup): AsyncIterable<Line> {
  const before = router.stats().routes.read;
  const { reads, stale } = await disturbed(contender, cluster, cycles);
  const onReplicas = (router.stats().routes.read - before) / reads;
  const about = aboutOf(contender, cycles);
  yield line({ proof: `${about}, stale reads of ${reads}`, unit: "reads", value: stale, bound: { atMost: 0 } });
  yield line({ proof: `${about}, reads on replicas`, unit: "share", value: onReplicas, bound: { atLeast: 0.1 } });
}

/** Controls without the guarantee. Without stale reads here, the load would prove nothing. */
async function* controls(
  cluster: ContactsCluster,
  { connect, cycles }: { readonly connect: ConnectPrisma; readonly cycles: number },
): AsyncIterable<Line> {
  const router = await routerOn(addressesOf(cluster), { consistency: "eventual" });
  const eventual = pgContender(router, 'pg with consistency "eventual"');
  const { reads, stale } = await disturbed(eventual, cluster, cycles);
  await router.close();
  const proof = `${aboutOf(eventual, cycles)}, stale reads of ${reads}`;
  yield line({ proof, unit: "reads", value: stale, bound: { atLeast: 1 } });
  const others = peers(addressesOf(cluster), connect);
  try {
    for (const peer of others) {
      const result = await disturbed(peer, cluster, cycles);
      const about = `${aboutOf(peer, cycles)}, stale reads of ${result.reads}`;
      yield { proof: about, value: result.stale, unit: "reads", bound: "none", pass: true };
    }
  } finally {
    for (const peer of others) await peer.close();
  }
}

async function disturbed(contender: Contender, { replicas }: ContactsCluster, cycles: number): Promise<Cycles> {
  const replay = disturbReplay(replicas);
  try {
    return await writeAndRead(contender, cycles);
  } finally {
    await replay.end();
  }
}

const aboutOf = ({ name }: Contender, cycles: number): string =>
  `read-your-writes: ${cycles} cycles, replay paused at random (seed ${SEED}), ${name}`;
