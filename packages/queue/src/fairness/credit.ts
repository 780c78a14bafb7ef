/**
 * Credit that a tenant of weight 1 gets in one round: units of cost (`charge: "count"`) or milliseconds (`charge: "time"`).
 * Far below the cost of a job, so that a round is short for every tenant, and weights interleave instead of coming in bursts.
 */
export const QUANTUM: number = 1 / 64;

/** Milliseconds that the first job of a queue is taken to need. */
const FIRST_ESTIMATE_MS = 10;

/** A job costs at least this much: jobs that cost nothing would keep their tenant's turn for ever. */
const LEAST_COST = 0.01;

/** A tenant's place in the round robin: the round in which it is served next, and what it may spend in it. */
export interface Turn {
  readonly round: number;
  readonly credit: number;
}

/**
 * Charges an amount, or gives it back when it is negative (deficit round robin). The bill of a job may come after it ran: a
 * credit that falls to 0 or below moves the tenant on by as many rounds as pay for it, in one step however many they are.
 *
 * Source: M. Shreedhar, G. Varghese, "Efficient Fair Queuing Using Deficit Round Robin", SIGCOMM 1995; the rounds are a
 * calendar (`Turn.round`) instead of a list that is walked, so that rounds in which no tenant has credit cost nothing.
 */
export function charge(turn: Turn, amount: number, weight: number): Turn {
  const perRound = weight * QUANTUM;
  const credit = turn.credit - amount;
  if (credit <= 0) {
    const rounds = Math.floor(-credit / perRound) + 1;
    return { round: turn.round + rounds, credit: credit + rounds * perRound };
  }
  if (credit > perRound) {
    const rounds = Math.ceil(credit / perRound) - 1;
    return { round: turn.round - rounds, credit: credit - rounds * perRound };
  }
  return { round: turn.round, credit };
}

/**
 * The turn of a tenant that has jobs again. It joins the round after the current one: a stream of new tenants in the current
 * round would starve the last one in it. Credit of the past is lost, debts are not.
 */
export function join(turn: Turn, currentRound: number, weight: number): Turn {
  return turn.round > currentRound ? turn : { round: currentRound + 1, credit: weight * QUANTUM };
}

/** Cost of a job before it ran, from the averages of its tenant and of the queue; 0 for an average without a job. */
export function estimate(tenantAverage: number, queueAverage: number): number {
  if (tenantAverage > 0) return tenantAverage;
  return queueAverage > 0 ? queueAverage : FIRST_ESTIMATE_MS;
}

/** The average after one more job: an exponential moving average over about eight jobs. */
export function learn(average: number, used: number): number {
  return average > 0 ? average + (used - average) / 8 : used;
}

/** Cost that can be charged: above 0. */
export function billable(cost: number): number {
  return Math.max(cost, LEAST_COST);
}
