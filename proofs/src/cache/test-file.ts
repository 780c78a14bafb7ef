/** A file beside the tests of the package, wherever this module was built to. */
export const testFile = (name: string): URL =>
  new URL(`../../cache/test/${name}`, import.meta.resolve("@scale/testkit"));
