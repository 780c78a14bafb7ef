/**
 * Reads a member of a value that the application has thrown or returned. A getter or a proxy may throw: such a value is passed
 * on as it is, and has no such member for a policy.
 */
export function guardedRead<T>(read: () => T, missing: T): T {
  try {
    return read();
  } catch {
    return missing;
  }
}
