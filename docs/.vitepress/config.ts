import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type DefaultTheme } from "vitepress";
import { doors } from "../doors.mjs";
import { environmentTable } from "./environment-table.js";

/** Returns a sidebar entry for each page of a folder: its first heading, in the order of the file names. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  const path = fileURLToPath(new URL(`../${folder}`, import.meta.url));
  return readdirSync(path)
    .filter((name) => name.endsWith(".md") && name !== "index.md")
    .toSorted()
    .map((name) => ({
      text: /^# (.*)$/m.exec(readFileSync(`${path}/${name}`, "utf8"))?.[1] ?? name,
      link: `/${folder}/${name.replace(/\.md$/, "")}`,
    }));
}

const section = (text: string, folder: string): DefaultTheme.SidebarItem => ({ text, items: pagesOf(folder) });

export default defineConfig({
  title: "scale",
  description: "Limits, quotas, cache, database routing and pagination for multi-tenant Node.js products",
  // An empty icon, because browsers would request /favicon.ico otherwise.
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: { linkify: false, config: (md) => void md.use(environmentTable) },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Start", link: "/" },
      { text: "Packages", link: "/packages/core", activeMatch: "^/packages/" },
      { text: "Guides", link: "/guides/tenancy-and-plans", activeMatch: "^/guides/" },
      { text: "Reference", link: "/reference/errors", activeMatch: "^/reference/" },
      { text: "Decisions", link: "/decisions/", activeMatch: "^/decisions/" },
      { text: "API", link: "/api/", activeMatch: "^/api/" },
    ],
    sidebar: {
      "/": [
        { text: "Start", link: "/" },
        section("Packages", "packages"),
        section("Guides", "guides"),
        section("Reference", "reference"),
      ],
      "/decisions/": [{ text: "Decisions", link: "/decisions/", items: pagesOf("decisions") }],
      "/api/": [
        { text: "API", link: "/api/", items: doors().map(({ name, page }) => ({ text: name, link: `/api/${page}` })) },
      ],
    },
  },
});
