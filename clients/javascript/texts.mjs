// The values inside a text: JSON, JSON within prose, a Python repr, HTML, event streams (docs/export.md, "Values in a text").

const STARTS = /[{[]\s*["'{]/g;
const REPR_TOKEN = /\\[^]|'((?:[^'\\]|\\[^])*)'|"((?:[^"\\]|\\[^])*)"|\b(None|True|False)\b/g;
const REPR_NAMES = { None: "null", True: "true", False: "false" };
const PAIR =
  /"(code|type|status|reason|message|msg|error|detail|error_code|error_msg|raw|body)"\s{0,8}:\s{0,8}("(?:[^"\\]|\\[^]){0,4096}(?:"|\\?$)|-?\d{1,18})/gi;
const ENTITIES = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", hellip: "…", mdash: "—", ndash: "–", rsquo: "’",
  lsquo: "‘", ldquo: "“", rdquo: "”", copy: "©", middot: "·", bull: "•", reg: "®",
};

/** The JSON value that begins at a place of a text, as `{value, end}`; undefined where there is none. */
export function jsonAt(text, at = 0) {
  const found = scanned(text, at);
  return found && parsed(found.source, found.end);
}

function parsed(source, end) {
  try {
    return { value: JSON.parse(source), end };
  } catch {
    return undefined;
  }
}

/** The source of one value up to its closing bracket. Control characters in strings are escaped: they are read as they stand. */
function scanned(text, at) {
  let depth = 0;
  let source = "";
  for (let place = at; place < text.length; place += 1) {
    const char = text[place];
    const from = place;
    if (char === '"') {
      for (place += 1; place < text.length && text[place] !== '"'; place += 1) if (text[place] === "\\") place += 1;
      if (place >= text.length) return undefined;
      source += text.slice(from, place + 1).replace(/[\u0000-\u001f]/g, (control) => JSON.stringify(control).slice(1, -1));
    } else {
      source += char;
      if (char === "{" || char === "[") depth += 1;
      else if (char === "}" || char === "]") depth -= 1;
      if (depth && char !== "}" && char !== "]") continue;
    }
    if (depth <= 0) return depth < 0 ? undefined : { source, end: place + 1 };
  }
  return undefined;
}

/** The JSON value that a whole text is or begins with; undefined where it is none. */
export function jsonValue(text) {
  const trimmed = text.trimStart();
  if (!/^[{["]/.test(trimmed)) return undefined;
  const found = jsonAt(trimmed);
  if (!found) return undefined;
  const isPlainList = Array.isArray(found.value) && !found.value.some((item) => item && typeof item === "object");
  // `[1305] too many are asking` is prose with a number before it.
  return isPlainList && trimmed.slice(found.end).trim() ? undefined : found.value;
}

/** The first JSON object or list within a text, and the text without it. */
export function embedded(text, limits) {
  const starts = [...text.slice(0, limits.searched_chars).matchAll(STARTS)].slice(0, limits.starts);
  for (const [tried, { index }] of starts.entries()) {
    const found = jsonAt(text, index) ?? (tried < limits.reprs ? pythonRepr(text, text.slice(index, index + limits.repr_chars)) : undefined);
    if (found?.value && typeof found.value === "object" && Object.keys(found.value).length) {
      return { outer: `${text.slice(0, index)} ${text.slice(found.end)}`, value: found.value };
    }
  }
  return { outer: text, value: undefined };
}

/** `{'error': {'message': "can't", 'code': None}}`, or JSON whose quotes were escaped once more. */
function pythonRepr(text, raw) {
  let source = raw.replaceAll('\\"', '"');
  if (raw.includes("'")) {
    source = raw.replace(REPR_TOKEN, (token, single, double, name) => {
      if (name !== undefined) return REPR_NAMES[name];
      if (single !== undefined) return JSON.stringify(single.replaceAll("\\'", "'"));
      return double === undefined ? token : JSON.stringify(double);
    });
  }
  const found = jsonAt(source);
  // Where it ended in the original is not known; what follows is of no use.
  return found && { value: found.value, end: text.length };
}

/** The telling members of JSON that was cut off, the last one as far as it goes. */
export function salvage(text, limits) {
  const found = [];
  for (const pair of [...text.matchAll(PAIR)].slice(0, limits.pairs)) {
    let raw = pair[2];
    if (raw.startsWith('"') && pair.index + pair[0].length === text.length && !/[^\\](?:\\\\)*"$|^""$/.test(raw)) {
      raw = `${raw.replace(/\\+$/, "")}"`;
    }
    const read = raw.startsWith('"') ? jsonAt(raw) : parsed(raw, raw.length);
    if (read) found.push({ [pair[1]]: read.value });
  }
  return found;
}

/** The values of a text with one JSON object a line. */
export function jsonLines(text) {
  const lines = text.split(/\r\n|[\n\r]/).filter((line) => line.trimStart().startsWith("{"));
  return lines.map(jsonValue).filter((value) => value !== undefined);
}

export function looksLikeHtml(text) {
  const head = text.slice(0, 400).trimStart().toLowerCase();
  return head.startsWith("<") && /<html|<!doctype|<head|<title|<body/.test(head);
}

/** Title and visible text of a page; of one that scripts write, what it says to those who run none. */
export function pageText(text, limits) {
  const most = limits.page_chars;
  const title = /<title[^<>]{0,200}>([^<]{1,300})/i.exec(text.slice(0, most));
  const page = text.slice(0, 4 * most);
  const plain = (html) => unescaped(html.replace(/<[^<>]{0,2048}>/g, "\n")).slice(0, most).trim();
  const seen = plain(page.replace(/<(script|style|svg|noscript)\b[^]*?(?:<\/\1>|$)/gi, "\n"));
  return [title ? unescaped(title[1]).trim() : "", seen || plain(page.replace(/<(script|style|svg)\b[^]*?(?:<\/\1>|$)/gi, "\n"))];
}

function unescaped(text) {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}));?/gi, (whole, decimal, hex, name) => {
    if (name) return ENTITIES[name] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

export function looksLikeStream(text) {
  return /^(?:data:|event:|error: \{|id:|: |:HTTP_STATUS|retry:)/.test(text.replace(/^[\ufeff \r\n]+/, ""));
}

/** The events of a stream as `{name, data, status}`; a bare line of JSON among them is an event of its own. */
export function* events(text) {
  for (const block of text.replace(/\r\n?/g, "\n").split(/\n[ \t]{0,8}\n/)) yield* eventsOf(block);
}

function eventsOf(block) {
  let name = "";
  let status = 0;
  let data = [];
  const bare = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    else if (line.startsWith("error:")) [name, data] = ["error", [line.slice(6).trimStart()]];
    else if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith(":HTTP_STATUS/")) status = Number(/^\d{3}/.exec(line.slice(13)) ?? 0);
    else if (line.trim() && !/^(?::|id:|retry:)/.test(line)) bare.push(line);
  }
  const found = data.length ? [{ name, data: data.join("\n"), status }] : [];
  const event = (text) => ({ name: "", data: text, status: 0 });
  if (bare.length > 1 && bare.every((line) => line.startsWith("{") && line.endsWith("}"))) return [...found, ...bare.map(event)];
  return bare.length ? [...found, event(bare.join("\n"))] : found;
}
