// Takes the sentences out of comments, messages, pages and Lua headers, each with the line on which its paragraph begins.
import { lineAt, readSource } from "./source.mjs";

const marks = /^\s*(?:\/\*\*?|\*\/|\*|\/\/+|--\[\[|\]\]|--|#)?\s?|\*\/\s*$/g;
const listItem = /^\s*(?:[-*+]|\d+\.)\s+/;
const withoutCode = (text) =>
  text
    .replace(/`[^`]*`/g, "`x`")
    .replace(/\s+/g, " ")
    .trim();
const split = (text) => withoutCode(text).split(/(?<=[.?!])\s+(?=[A-Z`@"])/);

/** A paragraph ends at an empty line, a list item, a tag or a heading. */
function* paragraphs(block, firstLine) {
  let open = [];
  let start = firstLine;
  for (const [index, raw] of block.split("\n").entries()) {
    const line = raw.replaceAll(marks, "");
    const isBreak = line.trim() === "" || listItem.test(line) || /^[@|#>]/.test(line.trim());
    if (isBreak && open.length > 0) yield { line: start, text: open.join(" ") };
    if (isBreak) open = [];
    if (line.trim() === "") continue;
    if (open.length === 0) start = firstLine + index;
    open.push(line.replace(listItem, "").replace(/^@\w+(?:\s+\{[^}]*\})?\s*/, ""));
  }
  if (open.length > 0) yield { line: start, text: open.join(" ") };
}

function* proseOf(block, firstLine) {
  for (const { line, text } of paragraphs(block, firstLine))
    for (const sentence of split(text)) if (sentence !== "") yield { line, text: sentence };
}

/** Line comments that follow each other are one block. */
function commentBlocks(comments, text) {
  const blocks = [];
  for (const { start, end } of comments) {
    const last = blocks.at(-1);
    const isLine = text.startsWith("//", start) && last !== undefined && text.startsWith("//", last.start);
    if (isLine && /^\n?[^\S\n]*$/.test(text.slice(last.end, start))) last.end = end;
    else blocks.push({ start, end });
  }
  return blocks;
}

function* sentencesOfSource(path, text) {
  const { comments, strings } = readSource(path, text);
  for (const { start, end } of commentBlocks(comments, text))
    yield* proseOf(text.slice(start, end), lineAt(text, start));
  for (const { start, text: value, isRegex } of strings)
    if (!isRegex && value.trim().includes(" ")) yield { line: lineAt(text, start), text: value };
}

function* sentencesOfPage(text) {
  let block = [];
  let start = 1;
  let isFence = false;
  for (const [index, line] of [...text.split("\n"), ""].entries()) {
    const isMark = /^\s*(?:```|~~~)/.test(line);
    const isProse = !isMark && !isFence && !/^\s*[#|]/.test(line) && index < text.split("\n").length;
    if (!isProse) {
      if (block.length > 0) yield* proseOf(block.join("\n"), start);
      block = [];
    } else {
      if (block.length === 0) start = index + 1;
      block.push(line);
    }
    if (!isFence && /^\s*\|/.test(line))
      for (const cell of line.split("|")) yield { line: index + 1, text: withoutCode(cell) };
    if (isMark) isFence = !isFence;
  }
}

function* sentencesOfLua(text) {
  for (const { 0: block, index } of text.matchAll(/--\[\[[\s\S]*?\]\]|(?:^[^\S\n]*--(?!\[\[)[^\n]*\n?)+/gm))
    yield* proseOf(block, lineAt(text, index));
}

function* sentencesOfMarkup(text) {
  for (const [index, line] of text.split("\n").entries()) {
    const found = /(?:^|\s)#\s(?<hash>.*)$|<!--(?<html>.*?)-->|\/\*(?<css>.*?)\*\/|>(?<label>[^<>{}]{8,})</.exec(line);
    const sentence = Object.values(found?.groups ?? {}).find((group) => group !== undefined);
    if (sentence) yield { line: index + 1, text: withoutCode(sentence) };
  }
}

/** @returns {Iterable<{ line: number, text: string }>} */
export function sentencesOf(path, text) {
  if (path.endsWith(".md")) return sentencesOfPage(text);
  if (/\.[cm]?[jt]sx?$/.test(path)) return sentencesOfSource(path, text);
  if (path.endsWith(".lua")) return sentencesOfLua(text);
  return /\.(?:ya?ml|html|css)$/.test(path) ? sentencesOfMarkup(text) : [];
}
