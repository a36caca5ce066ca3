// What a failed answer of an LLM provider means, by the rules of llm-triage: a table in, a function from answer to verdict out.
//
//     llm-triage classify --export-rules > rules.json
//
//     import { reader } from "./classify.mjs";
//     const classify = reader(JSON.parse(fs.readFileSync("rules.json", "utf8")));
//     classify({ status: 429, headers: { "retry-after": "7" }, body: "…", provider: "openai" });
//     // { class: "rate_limited", reason: "requests_per_minute", scope: "credential", action: "reset", advice: "…", … } or null
//
// It follows docs/export.md and nothing else, needs no package, and reads no waits: those are the caller's to take.

import { judgementsBy } from "./judgements.mjs";
import { evidenceBy } from "./layers.mjs";
import { anyIn, compilePhrase, isIn, spelled } from "./phrases.mjs";
import { codeWord, wordsBy } from "./words.mjs";

const FORMAT = 2;

/** The function that classifies: null for a good answer. */
export function reader(table) {
  if (table.format !== FORMAT) throw new Error(`a table of format ${table.format}, where ${FORMAT} is read`);
  const wordsOf = wordsBy(table);
  const evidenceOf = evidenceBy(table, wordsOf);
  const { shows, windowOf, statusSaid } = judgementsBy(table, wordsOf);
  const TIER = Object.fromEntries(table.tiers.map((name, at) => [name, at]));
  const providers = new Map(Object.values(table.providers).flatMap((one) => one.names.map((name) => [name, one])));
  const providerOf = (name) => providers.get(codeWord(name ?? "").replaceAll("_", ""));
  const speaking = (name) => providerOf(name)?.speaks ?? [];
  const classOf = (rule) => table.reasons[rule.reason].class;

  const compiled = (texts = []) => texts.map((text) => compilePhrase(text, wordsOf));
  const rules = table.rules
    .filter((rule) => !rule.shows || rule.shows in shows)
    .map((rule) => ({ ...rule, tier: TIER[rule.tier], phrases: compiled(rule.phrase), unless: compiled(rule.unless) }));
  const index = indexOf(rules, TIER.user);
  const hasUsers = rules.some((rule) => rule.tier === TIER.user);
  const ofLoad = rules.filter(
    (rule) => rule.phrases.length && !rule.code && !rule.shows && !rule.provider && table.classes.load.includes(classOf(rule)),
  );

  return function classify({ status, headers = {}, body = "", provider = "", stream = false }) {
    const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
    const named = new Map(pairs.map(([name, value]) => [name.toLowerCase(), String(value)]));
    const businessCodes = providerOf(provider)?.business_codes ?? [];
    const evidence = evidenceOf({ status, body, stream }, named, businessCodes);
    return evidence && verdict(evidence, speaking(provider));
  };

  function verdict(evidence, speaks) {
    const considered = [];
    const winner = winnerOf(evidence, speaks, considered);
    const reason = winner ? reasonOf(winner, evidence) : "unrecognised";
    const known = table.reasons[reason];
    return {
      class: known.class,
      retry: table.traits[known.class].retry,
      reason,
      scope: winner?.rule.scope ?? known.scope,
      action: winner?.rule.action ?? known.action,
      advice: known.advice,
      forget: known.forget,
      rule: winner?.rule.id ?? "proxy.unrecognised",
      confidence: winner ? confidenceOf(winner, reason, evidence, considered) : "status",
    };
  }

  /** The innermost layer that says anything finer than a hint decides; a user's rule wins wherever it is met. */
  function winnerOf(evidence, speaks, considered) {
    const hints = [];
    let winner = null;
    for (const layer of [...evidence.layers].reverse().concat(evidence.unnamed ?? [])) {
      const fits = ({ rule }) => evidence.shape !== "page" || table.classes.page.includes(classOf(rule));
      const met = matches(evidence, layer, [...speaks, ...speaking(layer.via)]).filter(fits);
      if (!met.length) continue;
      considered.push(...met);
      const best = met.reduce((least, one) => (isBefore(one, least) ? one : least));
      if (best.tier >= TIER.hint && !isQuotedCode(best, evidence)) hints.push(best);
      else if (!winner || best.tier === TIER.user) winner = best;
      if (winner && (winner.tier === TIER.user || !hasUsers)) break;
    }
    if (winner) return winner;
    if (hints.length && !quotesFinerStatus(hints[0], evidence)) return hints[0];
    const told = byStatus(evidence, speaks);
    if (told) considered.push(told);
    return told ?? hints[0] ?? null;
  }

  /** A broad code in an answer that a wrapper quotes: the wrapper's own words say no more. `invalid_request` does not even that. */
  function isQuotedCode({ rule, layer, confidence }, evidence) {
    const { class: cls } = table.reasons[rule.reason];
    return confidence === "code" && layer !== evidence.layers[0] && layer.texts.length > 0 && !table.classes.broad.includes(cls);
  }

  /** "Bad response status code 524": a wrapper's own word for it is broader than the status that it quotes. */
  function quotesFinerStatus({ rule, layer }, { httpStatus }) {
    const wrappers = table.statuses.quotes_status;
    const said = table.coarse.fault.includes(rule.reason) && wrappers.includes(httpStatus) ? statusSaid(layer) : null;
    return said !== null && !wrappers.includes(said);
  }

  /** Every rule that a layer meets, with the tier and the confidence that this way of meeting it has. */
  function matches(evidence, layer, speaks) {
    const met = [];
    const { heard } = layer;

    const may = (rule) =>
      (!rule.status || rule.status.some(([low, high]) => [evidence.status, evidence.httpStatus].some((one) => low <= one && one <= high))) &&
      (!rule.provider || rule.anywhere || speaks.includes(rule.provider));

    function add(rule, tier, confidence, finer = "") {
      const isKnown = rule.provider && speaks.includes(rule.provider) && rule.tier < TIER.hint;
      if (allows(rule, evidence, layer)) met.push({ rule, tier: isKnown ? Math.min(tier, TIER.provider) : tier, layer, confidence, finer });
    }

    function lookUp(said, isCode) {
      const seen = new Set(); // one phrase of a rule is enough
      for (const word of said.vocabulary) {
        for (const { phrase, rule } of index.byWord.get(word) ?? []) {
          if (seen.has(rule) || !may(rule) || !isIn(phrase, said)) continue;
          seen.add(rule);
          if (isCode) add(rule, rule.tier === TIER.phrase ? TIER.spelled : rule.tier, "code");
          else add(rule, rule.tier, "phrase");
        }
      }
    }

    const meets = (rule) => may(rule) && (!rule.phrases.length || anyIn(rule.phrases, heard));
    for (const code of layer.codes) {
      for (const rule of index.byCode.get(code) ?? []) if (meets(rule)) add(rule, rule.tier, "code");
      if (!index.byCode.has(code)) lookUp(spelled(code), true);
    }
    for (const code of layer.quoted.filter((one) => !layer.codes.includes(one))) {
      if (index.byCode.has(code)) {
        for (const rule of index.byCode.get(code)) if (meets(rule)) add(rule, Math.max(rule.tier, TIER.phrase), "phrase");
      } else if (code.includes("_") && !` ${heard.words.join(" ")} `.includes(` ${code.replaceAll("_", " ")} `)) {
        lookUp(spelled(code), false);
      }
    }
    lookUp(heard, false);
    for (const rule of index.judged) {
      if (!meets(rule) || (rule.code && !rule.code.some((code) => layer.codes.includes(code)))) continue;
      const saw = shows[rule.shows](evidence, layer);
      const confidence = rule.tier === TIER.hint ? "status" : layer.quotas.length || rule.code ? "code" : "phrase";
      if (saw) add(rule, rule.tier, confidence, saw.finer);
    }
    for (const rule of index.usersByStatus) if (may(rule)) add(rule, rule.tier, "status");
    for (const rule of index.beside) {
      if ((layer === evidence.layers[0] || rule.param || rule.link) && may(rule)) add(rule, rule.tier, "code");
    }
    return met;
  }

  /** The status decides where no layer does: one that a wrapper quotes, else its own. */
  function byStatus(evidence, speaks) {
    const quotes = table.statuses.quotes_status.includes(evidence.httpStatus);
    const said = quotes ? [...evidence.layers].reverse().map(statusSaid).find((one) => one !== null) : undefined;
    for (const one of [said ?? evidence.status, evidence.httpStatus]) {
      const own = index.byStatus.filter(
        (rule) => rule.status.some(([low, high]) => low <= one && one <= high) && (!rule.provider || speaks.includes(rule.provider)),
      );
      const before = (a, b) => Number(!a.provider) - Number(!b.provider) || a.tier - b.tier || a.order - b.order;
      const [rule] = own.sort(before);
      if (rule) return { rule, tier: rule.tier, layer: null, confidence: "status", finer: "" };
    }
    return null;
  }

  function reasonOf(winner, evidence) {
    const { reason } = winner.rule;
    const { final, refusal } = table.statuses;
    const isHealing = table.classes.healing.includes(classOf(winner.rule));
    const isProse = winner.confidence === "phrase" && winner.tier >= TIER.phrase;
    if (isProse && isHealing && final.includes(evidence.httpStatus) && evidence.status === evidence.httpStatus) return "contradictory";
    if (!winner.layer && refusal.includes(evidence.httpStatus) && evidence.layers.some(speaksOfLoad)) return "contradictory";
    if (winner.finer && table.coarse.refined.includes(reason)) return winner.finer;
    if (!table.coarse.window.includes(reason)) return reason;
    return [...evidence.layers].reverse().map(windowOf).find(Boolean) ?? reason;
  }

  function speaksOfLoad({ heard }) {
    return ofLoad.some((rule) => anyIn(rule.phrases, heard) && !anyIn(rule.unless, heard));
  }

  function confidenceOf({ rule, tier, layer, confidence }, reason, { httpStatus }, considered) {
    const agreeing = considered.filter((one) => classOf(one.rule) === classOf(rule));
    if (reason === "contradictory") return confidence;
    if (confidence === "phrase") {
      // Two broad words make no fine one.
      return agreeing.some((one) => one.confidence === "code" && Math.min(one.tier, tier) < TIER.hint) ? "code" : "phrase";
    }
    // A broad code says no more than the status where it stands beside prose that no rule understands.
    const isAlone = !agreeing.some((one) => one.confidence === "phrase");
    const isBroad = confidence === "code" && tier === TIER.hint && isAlone && layer?.texts.some((text) => text.includes(" "));
    const saysStatus = (one) => one.status.some(([low, high]) => low <= httpStatus && httpStatus <= high) && classOf(one) === classOf(rule);
    return isBroad && index.byStatus.some(saysStatus) ? "status" : confidence;
  }
}

/** What is left of a rule's conditions when its status and what led to it fit. */
function allows(rule, { headers, bodyHeaders }, layer) {
  if (rule.not_code?.some((code) => layer.codes.includes(code))) return false;
  if (rule.param && !rule.param.some((name) => layer.params.includes(name))) return false;
  if (rule.link && !layer.links.some((link) => rule.link.some((piece) => link.includes(piece)))) return false;
  for (const [name, value] of Object.entries(rule.header ?? {})) {
    const said = headers.get(name) || bodyHeaders.get(name);
    if (said === undefined || (value && !said.toLowerCase().includes(value))) return false;
  }
  return !anyIn(rule.unless, layer.heard);
}

function isBefore(one, other) {
  return one.tier < other.tier || (one.tier === other.tier && one.rule.order < other.rule.order);
}

/** Rules by what leads to them; each stands in one place. */
function indexOf(rules, user) {
  const index = { byCode: new Map(), byWord: new Map(), judged: [], beside: [], usersByStatus: [], byStatus: [] };
  const put = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
  for (const rule of rules) {
    if (rule.shows) index.judged.push(rule);
    else if (rule.code) for (const code of rule.code) put(index.byCode, code, rule);
    else if (rule.phrases.length) {
      for (const phrase of rule.phrases) for (const word of phrase[0].words) put(index.byWord, word, { phrase, rule });
    } else if (rule.header || rule.param || rule.link) index.beside.push(rule);
    else if (rule.tier === user) index.usersByStatus.push(rule);
    else index.byStatus.push(rule);
  }
  return index;
}
