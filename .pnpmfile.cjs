"use strict";

/**
 * Vitest has the API of OpenTelemetry as an optional peer, so a package that has both as dependencies would get a copy of vitest
 * of its own, whose types and contexts are not those of the others.
 */
function readPackage(manifest) {
  if (manifest.name === "vitest" && manifest.peerDependencies) {
    delete manifest.peerDependencies["@opentelemetry/api"];
    delete manifest.peerDependenciesMeta?.["@opentelemetry/api"];
  }
  return manifest;
}

module.exports = { hooks: { readPackage } };
