/** The part of the Standard Schema interface that the hub calls. Schemas of zod, valibot and arktype satisfy it. */
export interface StandardSchema<Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined;
  };
}

export type SchemaResult = { readonly value: unknown; readonly issues?: undefined } | SchemaFailure;

interface SchemaFailure {
  readonly issues: readonly SchemaIssue[];
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Describes the first issues of a failure on one line: `amount: expected a number; id: required`. */
export function describeSchemaIssues(issues: readonly SchemaIssue[]): string {
  return issues
    .slice(0, 3)
    .map(({ message, path = [] }) => {
      const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
      return where === "" ? message : `${where}: ${message}`;
    })
    .join("; ");
}
