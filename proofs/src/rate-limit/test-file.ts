/** A file beside the tests of the package, wherever this module was built to. */
export const testFile = (name: string): URL =>
  new URL(`../../rate-limit/test/${name}`, import.meta.resolve("@scale/testkit"));
