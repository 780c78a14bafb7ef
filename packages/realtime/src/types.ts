/** The subject of a connection, as the application authenticated it. */
export interface Principal {
  readonly tenantId: string;
  /** Without a user the connection counts for its tenant only. */
  readonly userId?: string | undefined;
  /** Time in milliseconds since the epoch at which the connection ends, so that the client comes back with a new credential. */
  readonly expiresAtMs?: number | undefined;
}
