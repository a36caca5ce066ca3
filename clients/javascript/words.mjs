// Words and codes: prose as whole words, and one spelling for machine-readable words (docs/export.md, "Words", "Codes").

const LINK = /(?:https?:\/\/|www\.)[^\s"'<>()[\]{}，。]+/gi;
const CAMEL = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g;
const QUOTED_CODE = /(?<![A-Za-z])(?:[A-Za-z]+(?:_[A-Za-z]+)+|[A-Z]{0,8}[A-Za-z][a-z]+(?:[A-Z][a-z]+)+)/g;
const MAX_CODE_CHARS = 120;
const MAX_QUOTED = 16;

export const STOP = ".";

/** A function that gives the words of a text, by the table's `words`. */
export function wordsBy(table) {
  const { alone, folded, dropped, stops, stops_before_blank: beforeBlank } = table.words;
  const range = alone.map(([low, high]) => `${String.fromCharCode(low)}-${String.fromCharCode(high)}`).join("");
  const escaped = (chars) => [...chars].map((char) => `\\u{${char.codePointAt(0).toString(16)}}`).join("");
  const word = new RegExp(
    `[${range}]|(?:(?![${range}])[\\p{L}\\p{N}])+|[${escaped(beforeBlank)}](?=\\s|$)|[${escaped(stops)}]`,
    "gu",
  );
  const ends = new Set(beforeBlank + stops);
  const spelling = new Map([...Object.entries(folded), ...[...dropped].map((char) => [char, ""])]);
  return (text) => {
    const plain = Array.from(text.toLowerCase(), (char) => spelling.get(char) ?? char).join("");
    return (plain.match(word) ?? []).map((found) => (ends.has(found) ? STOP : found));
  };
}

/** One spelling for a code: `RateLimitExceeded`, `RATE-LIMIT-EXCEEDED` and `rate_limit_exceeded` are the same word. */
export function codeWord(raw) {
  let code = raw.slice(raw.lastIndexOf("#") + 1);
  const colon = code.indexOf(":");
  if (colon > 0) code = code.slice(0, colon);
  code = code.slice(0, MAX_CODE_CHARS).replace(CAMEL, "_").toLowerCase();
  return code.replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
}

/** The machine-readable words that a sentence quotes. */
export function quotedCodes(text) {
  return (text.match(QUOTED_CODE) ?? []).slice(0, MAX_QUOTED).map(codeWord);
}

/** The links of a text: not what it states, but at times what it means. */
export function linksIn(text) {
  return (text.match(LINK) ?? []).slice(0, MAX_QUOTED);
}

export function withoutLinks(text) {
  return text.replace(LINK, " ");
}
