import { seededRandom } from "@scale/testkit";

/** One statement; `$t` stands for the table of the program. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** How it is passed to `query`. */
  readonly form: "promise" | "callback" | "config" | "named" | "array";
}

/** One thing that a program does with a client that it has checked out. */
export type ClientStep =
  | { readonly do: "query"; readonly statement: Statement }
  /** Reads so many rows at a time, then closes the cursor; without reads it is closed before it has a connection. */
  | { readonly do: "cursor"; readonly text: string; readonly reads: readonly number[] }
  /** Takes so many rows of a stream, then destroys it; 0 destroys it at once. */
  | { readonly do: "stream"; readonly text: string; readonly take: number };

export type Step =
  | { readonly do: "query"; readonly statement: Statement }
  /** Reads at the same time, each by `pool.query`. */
  | { readonly do: "together"; readonly statements: readonly Statement[] }
  /** A client of `pool.connect()`; `destroy` closes its connection at the end. */
  | { readonly do: "client"; readonly steps: readonly ClientStep[]; readonly destroy: boolean };

/** A program, and the rows that its table starts with. */
export interface Program {
  readonly seed: number;
  readonly steps: readonly Step[];
}

/** Rows 1 to ROWS are there at the start. */
export const ROWS = 40;

const READS = [
  "select * from $t order by id limit 5",
  "select count(*)::int as n, sum(n)::int as total from $t",
  "select id, v from $t where id = $1",
  "with w (a, b) as (select id, n from $t where id < $1) select * from w order by a",
  "select u.x from unnest(array[3, 1, 2]) as u (x) order by 1",
  "select id, like_pg_label(id) as label from $t where id <= $1 order by id",
  "select t.id from $t t join (values (1), (2)) as v (a) on v.a = t.id order by 1",
  "select jsonb_path_query('[1, 2]', '$[*]')::text as item",
  "select like_pg_careless($1) as answer",
  "explain (costs off) select 1",
  "table $t order by 1 limit 2",
  "select id from $t where v = 'none' and id = $1",
];
const WRITES = [
  "insert into $t (id, v, n) values ($1 + 1000, 'new', 1) on conflict (id) do update set n = $t.n + 1 returning *",
  "update $t set n = n + 1 where id = $1 returning n",
  "delete from $t where id = $1 + 1000 returning id",
  "with gone as (delete from $t where id = $1 + 1000 returning id) select count(*)::int as gone from gone",
  "select like_pg_bump('$t', $1) as n",
  "select like_pg_ensure('$t', $1 + 2000) as n",
  "select id, n from $t where id = $1 for update",
];
const FAILURES = [
  "select 1 / 0",
  "selec 1",
  "select * from like_pg_no_such_table",
  "insert into $t (id, v, n) values (1, 'twice', 0)",
  "insert into $t (id, v) values (999, 'no n')",
  "select like_pg_no_such_function(1)",
  "select 'x'::int",
];
const IN_TRANSACTION = [
  "savepoint a",
  "rollback to savepoint a",
  "set local statement_timeout = 20000",
  "show transaction_read_only",
];
const BEGINS = [
  "begin",
  "begin",
  "begin",
  "begin read only",
  "begin isolation level repeatable read",
  "start transaction",
];

/** Programs that give the same answers whenever they run: each has its own table, and steps whose order is fixed. */
export function makeProgram(seed: number): Program {
  const dice = createDice(seed);
  return { seed, steps: Array.from({ length: 4 + dice.below(9) }, () => makeStep(dice)) };
}

interface Dice {
  below(count: number): number;
  pick<T>(list: readonly T[]): T;
  chance(part: number): boolean;
}

function createDice(seed: number): Dice {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    chance: (part) => random() < part,
  };
}

function statement(dice: Dice, text: string): Statement {
  const values = text.includes("$1") ? { values: [1 + dice.below(ROWS)] } : {};
  const form = dice.pick(["promise", "promise", "callback", "config", "named", "array"] as const);
  return { text, ...values, form };
}

function anyStatement(dice: Dice): Statement {
  const kind = dice.below(10);
  return statement(dice, dice.pick(kind < 5 ? READS : kind < 9 ? WRITES : FAILURES));
}

function makeStep(dice: Dice): Step {
  const kind = dice.below(10);
  if (kind < 4) return { do: "query", statement: anyStatement(dice) };
  if (kind < 5) {
    return {
      do: "together",
      statements: Array.from({ length: 2 + dice.below(3) }, () => statement(dice, dice.pick(READS))),
    };
  }
  return { do: "client", steps: kind < 8 ? transaction(dice) : loose(dice), destroy: dice.chance(0.15) };
}

/** Always ended: what a client that is released inside a transaction does to its next user is not defined. */
function transaction(dice: Dice): ClientStep[] {
  const query = (text: string): ClientStep => ({ do: "query", statement: statement(dice, text) });
  const inside = Array.from({ length: 1 + dice.below(5) }, () => {
    const kind = dice.below(8);
    if (kind === 0) return query(dice.pick(IN_TRANSACTION));
    if (kind === 1) return cursorOrStream(dice);
    return { do: "query", statement: anyStatement(dice) } as const;
  });
  return [query(dice.pick(BEGINS)), ...inside, query(dice.pick(["commit", "commit", "rollback"]))];
}

function loose(dice: Dice): ClientStep[] {
  return Array.from({ length: 1 + dice.below(3) }, () =>
    dice.chance(0.5) ? cursorOrStream(dice) : ({ do: "query", statement: anyStatement(dice) } as const),
  );
}

const LONG = "select id, v, n from $t, generate_series(1, 20) order by id";

function cursorOrStream(dice: Dice): ClientStep {
  const kind = dice.below(20);
  if (kind < 2) return { do: "stream", text: LONG, take: 0 };
  if (kind < 4) return { do: "cursor", text: LONG, reads: [] };
  const text = kind < 6 ? dice.pick(FAILURES) : LONG;
  if (kind % 2 === 0) return { do: "stream", text, take: dice.pick([1, 7, 10_000]) };
  return { do: "cursor", text, reads: dice.pick([[3], [3, 500], [10_000, 1]]) };
}
