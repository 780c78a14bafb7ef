import "reflect-metadata";

/** What the decorators on one controller or route say about its guards. */
export interface GuardNames {
  readonly use: readonly string[];
  readonly skip: readonly string[] | "all";
}

const KEY: unique symbol = Symbol.for("@scale/nest:guard-names");
const NOTHING: GuardNames = { use: [], skip: [] };

/** What was said about a class or method; a class says what its base class says, and more. */
export function namesOf(target: object): GuardNames {
  return (Reflect.getMetadata(KEY, target) as GuardNames | undefined) ?? NOTHING;
}

/**
 * Runs these guards of the module on a route, or on every route of a controller, after those that run everywhere.
 * Used twice, it adds.
 */
export function UseHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return amend(({ use, skip }) => ({ use: [...names, ...use], skip }));
}

/**
 * Leaves these guards out on a route or a controller; without names, all of them. A route says the last word:
 * `@UseHttpGuards` there brings back what its controller leaves out.
 */
export function SkipHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return amend(({ use, skip }) => ({ use, skip: names.length === 0 || skip === "all" ? "all" : [...names, ...skip] }));
}

function amend(change: (names: GuardNames) => GuardNames): MethodDecorator & ClassDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = descriptor === undefined ? target : (descriptor.value as object);
    // Added to what is there: a decorator that replaced another one would take a guard away unseen.
    Reflect.defineMetadata(KEY, change(namesOf(subject)), subject);
  };
}

/**
 * The names for one route. Each level first skips, then adds.
 * @param levels the controller's, then the route's
 * @returns in the order of `everywhere`, the controller, the route
 */
export function resolveNames(everywhere: readonly string[], levels: readonly GuardNames[]): string[] {
  const order = new Set([...everywhere, ...levels.flatMap((level) => level.use)]);
  const active = new Set(everywhere);
  for (const { use, skip } of levels) {
    for (const name of skip === "all" ? order : skip) active.delete(name);
    for (const name of use) active.add(name);
  }
  return [...order].filter((name) => active.has(name));
}
