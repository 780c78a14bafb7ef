// Writes the API reference into api/, from the sources: no package has to be built for it.
import { ReferenceType, ReflectionKind } from "typedoc";
import { doors } from "./doors.mjs";

const nameOf = new Map(doors().map(({ name, source }) => [source, name]));

/**
 * Modules get the name that people import, in place of the path of their source; parameters that are taken apart where
 * they stand get the last word of their type: `options`.
 * @param {import("typedoc").Application} app
 */
function rename({ converter }) {
  converter.on("createDeclaration", (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? [];
    reflection.name = nameOf.get(declaration?.getSourceFile().fileName ?? "") ?? reflection.name;
  });
  converter.on("resolveBegin", ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (parameter.name !== "__namedParameters" || !parameter.isParameter()) continue;
      const type = parameter.type instanceof ReferenceType ? parameter.type.name : "Options";
      parameter.name = /[A-Z][a-z]*$/.exec(type)?.[0].toLowerCase() ?? "options";
    }
  });
}

/** @type {Partial<import("typedoc").TypeDocOptions & import("typedoc-plugin-markdown").PluginOptions>} */
export default {
  plugin: ["typedoc-plugin-markdown", rename],
  name: "API",
  entryPoints: [...nameOf.keys()],
  tsconfig: "tsconfig.json",
  // `npm run types` does that, with the TypeScript that the sources are written for.
  skipErrorChecking: true,
  out: "api",
  router: "module",
  readme: "none",
  entryFileName: "index",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  excludeScopesInPaths: true,
  cleanOutputDir: true,
  disableSources: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  useCodeBlocks: true,
  treatWarningsAsErrors: true,
  logLevel: "Warn",
};
