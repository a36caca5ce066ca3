// What an answer says: layers from the outermost wrapper to the innermost cause (docs/export.md, "Layers").

import { failedChoice, failureBy } from "./failure.mjs";
import { Heard } from "./phrases.mjs";
import { embedded, events, jsonLines, jsonValue, looksLikeHtml, looksLikeStream, pageText, salvage } from "./texts.mjs";
import { STOP, codeWord, linksIn, quotedCodes, withoutLinks } from "./words.mjs";

const MAX_ITEMS = 32;
const MAX_NESTED = 100; // lists in lists: hostile, and no stack is endless
const NO_CODES = new Set(["", "none", "null", "undefined"]);
const REQUEST_ID = /\(?[Rr]equest[ _-]?[Ii][Dd]["']?[:=]? ?[\w-]{6,64}\)?/g;
const CLOSING_CODE = /\((\d{4,6})\)\s{0,4}$/;
const MAX_QUOTING = 16;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

class Layer {
  codes = [];
  texts = [];
  statuses = [];
  params = [];
  links = [];
  quotas = []; // [name, value]
  via = "";

  constructor(wordsOf) {
    this.wordsOf = wordsOf;
  }

  get heard() {
    this.read ??= new Heard(this.texts.flatMap((text) => [...this.wordsOf(text), STOP]));
    return this.read;
  }

  get quoted() {
    return [...new Set(this.texts.slice(0, MAX_QUOTING).flatMap(quotedCodes))].slice(0, MAX_QUOTING);
  }

  get isEmpty() {
    return !(this.codes.length || this.texts.length || this.quotas.length || this.statuses.length);
  }
}

/** A function that gathers an answer's evidence, null where the answer is a good one. */
export function evidenceBy(table, wordsOf) {
  const isFailure = failureBy(table);
  const { limits } = table;
  const kinds = new Map(Object.entries(table.members).flatMap(([kind, names]) => names.map((name) => [name, kind])));

  /** The failing part of a body under a good status, and its shape where that is what fails. */
  function failingPart({ status, body, stream }, headers, businessCodes) {
    const kind = headers.get("content-type") ?? "";
    const fails = (value) => isFailure(value, businessCodes);
    if (stream || kind.includes("event-stream") || (looksLikeStream(body) && !kind.includes("json"))) {
      for (const event of events(body)) if (eventFails(event, fails)) return { event };
      return null;
    }
    const isJson = /^\s*[{[]/.test(body);
    const value = isJson ? jsonValue(body) : undefined;
    if (value !== undefined && fails(value)) return { value: failedChoice(value) ?? value };
    if (isObject(value)) {
      const line = kind.includes("ndjson") || body.includes("\n{") ? jsonLines(body).find(fails) : undefined;
      return line === undefined ? null : { value: line };
    }
    const isPage = looksLikeHtml(body) || (kind && /Fatal error(?:<\/b>)?: /.test(body.slice(0, 80)));
    return !isJson && status < 300 && (!kind || kind.includes("html")) && isPage ? { text: body, shape: "page" } : null;
  }

  return function evidence(answer, headers, businessCodes) {
    const { status, body } = answer;
    const reader = new Reader(status);
    let exception = headers.get(":exception-type") ?? (status < 400 ? headers.get(":error-code") : undefined);
    if (status < 400 && headers.has("x-amzn-waf-action")) exception = `waf_${headers.get("x-amzn-waf-action")}`;
    if (status < 400 && !exception) {
      const isRedirect = status >= 300 && headers.has("location");
      const part = status >= 200 && body && !isRedirect ? failingPart(answer, headers, businessCodes) : null;
      return part && reader.evidence(headers, part);
    }
    const layer = reader.layer();
    for (const name of table.headers.codes) if (headers.has(name)) reader.code(layer, headers.get(name));
    if (exception) reader.code(layer, exception);
    for (const name of table.headers.prose) if (headers.has(name)) reader.prose(layer, percentDecoded(headers.get(name).slice(0, limits.head_chars)));
    return reader.evidence(headers, { text: body }, layer);
  };

  /** Walks a body and sorts its members; lives for one answer. */
  function Reader(status) {
    const layers = [];
    const waits = []; // [name, value]
    const bodyHeaders = new Map();
    const spare = [];
    let membersLeft = limits.members;
    let proseLeft = limits.prose_chars;

    const newLayer = () => {
      if (layers.length < limits.layers) layers.push(new Layer(wordsOf));
      return layers.at(-1);
    };

    function readEvent(layer, { data, status: own }) {
      if (own >= 400) layer.statuses.push(own);
      readValue(layer, jsonValue(data) ?? data, 0);
    }

    function readBody(layer, body) {
      const start = body.trimStart()[0];
      if (!start) return;
      if ('{["'.includes(start)) {
        const value = jsonValue(body) ?? salvage(body, limits);
        if (!Array.isArray(value) || value.length) return void readValue(layer, value, 0);
      }
      if (looksLikeHtml(body)) return void pageText(body, limits).forEach((text) => prose(layer, text));
      if (looksLikeStream(body)) {
        const all = [...events(body)];
        const event = all.find((one) => eventFails(one, isFailure)) ?? all[0];
        if (event) return void readEvent(layer, event);
      }
      text(layer, body, 0);
    }

    function readValue(layer, value, depth) {
      if (typeof value === "string") text(layer, value, depth);
      else if (Array.isArray(value) && depth < MAX_NESTED) value.slice(0, MAX_ITEMS).forEach((item) => readValue(layer, item, depth + 1));
      else if (isObject(value) && depth <= limits.depth) {
        for (const [name, member] of Object.entries(value)) {
          membersLeft -= 1;
          if (membersLeft < 0) return;
          if (member !== null && member !== "") readMember(layer, name, member, depth);
        }
      }
    }

    function readMember(layer, name, member, depth) {
      const skeleton = name.length < limits.name_chars ? name.toLowerCase().replace(/[_\- ]/g, "") : "";
      const kind = kinds.get(skeleton);
      if (kind === "skip" && !(skeleton === "output" && isObject(member) && "error" in member)) return;
      if (kind === "wait") waits.push([skeleton, member]);
      else if (kind === "quota" && ["string", "number"].includes(typeof member)) layer.quotas.push([skeleton, String(member).slice(0, 200)]);
      else if (typeof member === "string") readString(layer, skeleton, kind, member, depth);
      else if (member === true) {
        if (skeleton === "isbyok") addCode(layer, "byok");
      } else if (Number.isInteger(member)) {
        if (kind === "code" || skeleton === "error") code(layer, String(member));
      } else if (typeof member === "object") readContainer(layer, skeleton, kind, member, depth);
    }

    function readString(layer, skeleton, kind, member, depth) {
      const isWord = member.length <= limits.code_chars && member.trim().split(/\s+/).filter(Boolean).length === 1;
      if (kind === "code" && isWord) code(layer, skeleton === "finishreason" ? `finish_${member}` : member);
      else if (kind === "code") text(layer, member, depth);
      else if (kind === "text") {
        if (isWord) code(layer, member);
        text(layer, member, depth);
      } else if (kind === "inner") text(newLayer(), member, depth);
      else if (kind === "param") {
        if (!NO_CODES.has(member.toLowerCase())) layer.params.push(codeWord(member.slice(0, 80)));
      } else if (kind === "via") layer.via ||= member.slice(0, 60);
      else if (spare.length < limits.unnamed && /[ \u0080-\uffff]/.test(member)) spare.push(member.slice(0, limits.head_chars));
    }

    function readContainer(layer, skeleton, kind, member, depth) {
      if (skeleton === "headers" || skeleton === "responseheaders") {
        if (isObject(member)) for (const [name, value] of Object.entries(member)) bodyHeaders.set(name.toLowerCase(), String(value));
      } else if (kind === "param" && Array.isArray(member)) {
        layer.params.push(...member.slice(0, 8).map((item) => codeWord(String(item).slice(0, 80))));
      } else if (kind === "inner" || (skeleton === "error" && isObject(member) && layer.texts.length)) {
        readValue(newLayer(), member, depth + 1);
      } else readValue(layer, member, depth + 1);
    }

    function code(layer, raw) {
      let word = codeWord(raw);
      if (raw.includes(".") && !raw.includes("://")) {
        // Dotted codes name their family first: AuthFailure.SignatureFailure
        const family = codeWord(raw.split(".", 1)[0]);
        if (family.length > 3 && layer.codes.length < limits.codes - 1) {
          addCode(layer, word);
          word = family;
        }
      }
      if (NO_CODES.has(word) || layer.codes.length >= limits.codes) return;
      if (/^[45]\d\d$/.test(word)) layer.statuses.push(Number(word));
      addCode(layer, word);
    }

    /** Prose, or prose around a quoted answer, which becomes a layer further in. */
    function text(layer, given, depth) {
      const said = table.statuses.quotes_request.includes(status) ? withoutRequest(given, table.request_quotes) : given;
      if (depth <= limits.depth && /[{[]/.test(said)) {
        const { outer, value } = embedded(said, limits);
        if (isObject(value) || (Array.isArray(value) && value.some(isObject))) {
          prose(layer, outer);
          return void readValue(newLayer(), value, depth + 2);
        }
      }
      if (looksLikeHtml(said)) {
        const inner = newLayer();
        return void pageText(said, limits).forEach((part) => prose(inner, part));
      }
      prose(layer, said);
    }

    function prose(layer, given) {
      let said = given.trim();
      if (!said || proseLeft <= 0) return;
      if (said.length > limits.head_chars + limits.tail_chars) said = `${said.slice(0, limits.head_chars)}\n${said.slice(-limits.tail_chars)}`;
      said = said.replace(REQUEST_ID, " ");
      const closing = CLOSING_CODE.exec(said);
      if (closing) addCode(layer, closing[1]);
      layer.links.push(...linksIn(said));
      const plain = withoutLinks(said);
      proseLeft -= plain.length;
      if (!layer.texts.includes(plain)) layer.texts.push(plain);
    }

    function gathered(headers, part, first = newLayer()) {
      if (part.event) readEvent(first, part.event);
      else if (part.text === undefined) readValue(first, part.value, 0);
      else readBody(first, part.text);
      const kept = layers.filter((layer) => !layer.isEmpty);
      const unnamed = new Layer(wordsOf);
      unnamed.texts = spare;
      return {
        httpStatus: status,
        status: actingStatus(kept),
        headers,
        bodyHeaders,
        layers: kept.length ? kept : [first],
        unnamed: spare.length ? unnamed : null,
        waits,
        shape: part.shape ?? "",
      };
    }

    /** The innermost cause's own status, else what HTTP said. */
    function actingStatus(kept) {
      const outermostCounts = status < 400 || table.statuses.outermost.includes(status);
      const told = kept.slice(outermostCounts ? 0 : 1).findLast((layer) => layer.statuses.length);
      return told ? told.statuses.at(-1) : status;
    }

    return { layer: newLayer, code, prose, evidence: gathered };
  }
}

function eventFails({ name, data, status }, fails) {
  const isCalledSo = ["error", "exception", "thread.run.failed"].includes(name);
  return status >= 400 || (isCalledSo && data !== "") || (/^[{[]/.test(data) && fails(jsonValue(data)));
}

function addCode(layer, word) {
  if (!layer.codes.includes(word)) layer.codes.push(word);
}

function percentDecoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A text without the quoted parts of the request that its own words announce: they say nothing of the failure. */
function withoutRequest(text, { cues, got, closing, before_value: beforeValue, whole, end: valueEnd, chars_before: charsBefore, max }) {
  let kept = "";
  let at = 0;
  for (const { 0: quote, index: start } of [...text.matchAll(/["'`“‘«{[]/g)].slice(0, max.quotes)) {
    if (start < at) continue;
    const said = text.slice(Math.max(0, start - charsBefore), start);
    const before = said.replace(/[ :,]+$/, "").toLowerCase();
    const endsWith = (words) => words.some((word) => before.endsWith(word));
    const within = text.slice(0, start + max.chars);
    let end;
    if (quote === "{" || quote === "[" || endsWith(whole)) {
      if (!endsWith(beforeValue)) continue;
      end = within.indexOf(valueEnd, start);
      if (end < 0) end = within.length;
    } else {
      if (before.length === said.length) continue;
      if (!endsWith(cues) && !(before.includes("expect") && endsWith(got))) continue;
      end = within.indexOf(closing[quote] ?? quote, start + 1) + 1;
    }
    if (end <= start) continue;
    kept += text.slice(at, start);
    at = end;
  }
  return kept + text.slice(at);
}
