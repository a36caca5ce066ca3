// Reasoning that conditions cannot hold: each looks at one layer and gives what it saw, or null (docs/export.md, "Judgements").

import { Heard, anyIn, compilePhrase, spelled } from "./phrases.mjs";
import { codeWord } from "./words.mjs";

const MAX_JUDGED = 4000;
const SCALES = { k: 1e3, m: 1e6 };
const SEEN = { finer: "" };

const numberOf = ([, digits, scale]) => Math.trunc(Number(digits.replaceAll(",", "")) * (SCALES[scale] ?? 1));
const firstOf = (patterns, text) => {
  for (const pattern of patterns) {
    const found = pattern.exec(text);
    if (found) return found;
  }
  return null;
};

/** `shows` by name, `windowOf(layer)` and `statusSaid(layer)`. */
export function judgementsBy(table, wordsOf) {
  const known = table.judgements;
  const pattern = (source) => new RegExp(source);
  const saysOneOf = (layer, words) => layer.heard.saysOneOf(words) || layer.codes.some((code) => spelled(code).saysOneOf(words));

  // A status that a wrapper quotes: "Request failed with status code 429".
  const quotedStatus = pattern(known.payment_status.pattern);
  const statusSaid = (layer) => {
    const found = layer.texts.map((text) => quotedStatus.exec(text.toLowerCase())).find(Boolean);
    return found ? Number(found[1]) : null;
  };

  // Theirs or yours: whose trouble a sentence speaks of.
  function theirLoad(_, { heard }) {
    const { theirs, ours, load } = known.their_load;
    if (!heard.saysOneOf(load) || heard.saysOneOf(ours) || !heard.saysOneOf(theirs)) return null;
    return heard.vocabulary.has("many") && !heard.saysOneOf(["limit", "limited"]) ? SEEN : null;
  }

  // One request asks for more than the whole window holds.
  const demand = known.demand_over_limit;
  const [demands, limits] = [demand.demands.map(pattern), demand.limits.map(pattern)];
  function demandOverLimit(_, layer) {
    if (!layer.heard.saysOneOf(demand.words)) return null;
    for (const text of layer.texts) {
      const lowered = text.slice(0, MAX_JUDGED).toLowerCase();
      if (!/token|tpm/.test(lowered)) continue;
      const asked = firstOf(demands, lowered);
      const held = asked && firstOf(limits, lowered);
      if (!held || Math.abs(asked.index - held.index) > demand.near || numberOf(asked) <= numberOf(held)) continue;
      return { finer: layer.heard.saysOneOf(demand.of_a_rate) ? "" : "context_length" };
    }
    return null;
  }

  // A number of tokens beside a smaller one that is the most, and nothing of a rate.
  const fit = known.more_tokens_than_fit;
  const [given, most] = [pattern(fit.given), pattern(fit.most)];
  function moreTokensThanFit(_, layer) {
    if (!layer.heard.saysOneOf(fit.words) || layer.heard.saysOneOf(fit.not_beside)) return null;
    const isMore = (text) => {
      const lowered = text.slice(0, MAX_JUDGED).toLowerCase();
      const [asked, held] = [given.exec(lowered), most.exec(lowered)];
      if (!/token|char/.test(lowered) || !asked || !held || held.index <= asked.index) return false;
      return numberOf(asked) > numberOf(held) && numberOf(held) > 0;
    };
    return layer.texts.some(isMore) ? SEEN : null;
  }

  // A limit of zero never refills.
  const zero = pattern(known.zero_limit.pattern);
  function zeroLimit(_, layer) {
    if (layer.quotas.some(([name, value]) => ["quotalimitvalue", "quotavalue"].includes(name) && value === "0")) return SEEN;
    return layer.heard.vocabulary.has("0") && layer.texts.some((text) => zero.test(text.toLowerCase())) ? SEEN : null;
  }

  // A limit per unit of time is throughput, unless it is a limit of money.
  const times = known.window;
  const outOfMoney = times.out_of_money.map((text) => compilePhrase(text, wordsOf));
  const reasonOf = new Map(times.reasons.map(([kind, period, reason]) => [`${kind} ${period}`, reason]));
  function windowOf(layer) {
    const found = new Map(); // period -> what it counts
    namedIn(layer.heard, found);
    for (const [name, value] of layer.quotas) {
      if (["quotaid", "quotalimit"].includes(name)) namedIn(new Heard(codeWord(value).split("_")), found);
    }
    const counts = layer.codes.join("_").includes("token") ? "tokens" : "requests";
    for (const code of layer.codes) namedIn(spelled(code), found, counts);
    const longest = times.lengths.findLast((period) => found.has(period));
    return longest ? reasonOf.get(`${found.get(longest)} ${longest}`) : null;
  }

  function namedIn({ words, vocabulary }, found, counts = "requests") {
    const kind = vocabulary.has("token") || vocabulary.has("tokens") ? "tokens" : counts;
    const first = (period, what) => found.has(period) || found.set(period, what);
    for (const word of Object.keys(times.short).sort().reverse()) {
      if (vocabulary.has(word)) first(times.short[word][1], times.short[word][0]);
    }
    for (const word of Object.keys(times.adverbs).sort()) if (vocabulary.has(word)) first(times.adverbs[word], kind);
    // "per minute"; "a minute" but not "in a minute".
    for (const word of times.each) {
      words.forEach((said, at) => {
        if (said !== word || !Object.hasOwn(times.periods, words[at + 1] ?? "")) return;
        if (["a", "1"].includes(word) && (at === 0 || times.spans.includes(words[at - 1]))) return;
        const before = words.slice(Math.max(0, at - 6), at);
        const counted = ["token", "request"].find((one) => before.includes(one) || before.includes(`${one}s`));
        found.set(times.periods[words[at + 1]], counted ? `${counted}s` : kind);
      });
    }
    // So many of a unit: five hours and thirty days are a plan's window, as a week is.
    const span = (count, unit) => {
      if (!times.hyphened.includes(unit) || count.replace(/^0+/, "") === "1") return unit;
      return count === "24" && unit === "hour" ? "day" : "week";
    };
    words.forEach((word, at) => {
      const next = words[at + 1];
      // "per 5 hours"
      if (times.each.includes(word) && /^\d+$/.test(next ?? "") && Object.hasOwn(times.periods, words[at + 2] ?? "")) {
        const before = words.slice(Math.max(0, at - 6), at);
        const counted = ["token", "request"].find((one) => before.includes(one) || before.includes(`${one}s`));
        found.set(span(next, times.periods[words[at + 2]]), counted ? `${counted}s` : kind);
      }
      // "5-hour limit", "7-day window"
      if (times.hyphened.includes(word) && at && /^\d+$/.test(words[at - 1]) && times.of_a_plan.includes(next)) {
        first(span(words[at - 1], word), kind);
      }
      if (times.cjk_each.includes(word) && next && (word === "每" ? Object.hasOwn(times.cjk_periods, next) : "日天".includes(next))) {
        first(times.cjk_periods[next], kind);
      }
    });
  }

  function window(_, layer) {
    if (!layer.quotas.length && !saysOneOf(layer, times.limits)) return null;
    const reason = windowOf(layer);
    return !reason || saysOneOf(layer, times.money) || anyIn(outOfMoney, layer.heard) ? null : { finer: reason };
  }

  // Money does not come back by a clock: who states a wait speaks of a window.
  const wait = known.stated_wait;
  const oneOf = (words) => [...words].sort((a, b) => b.length - a.length).join("|");
  const length = `(\\d[\\d,]*(?:\\.\\d+)?)[ \\u00a0]?(?:${oneOf(Object.keys(wait.units))})(?![a-zß-ɏа-ӿ])`;
  const statesIn = [
    new RegExp(`(?:${oneOf(wait.cues)})[^\\d.!?;。！？；]{0,40}${length}`), // "try again in 20 seconds"
    new RegExp(`${length}(?: (?:before|until) |\\s?[之以]?[后後후])`), // "20 seconds before retrying", "20秒后"
    /retry[ _-]?(?:after|in)["']?\s?[:=]?\s?["']?(\d+(?:\.\d+)?)(?![\d.%a-z])/,
    /pt(\d+)[hms]/,
    /(?:in|after) (?:\d+\.)?(\d+:\d\d:\d\d)/,
  ];
  const statesInProse = (text) => {
    const said = text.slice(0, MAX_JUDGED).toLowerCase();
    return wait.cues.some((cue) => said.includes(cue)) && statesIn.some((one) => /[1-9]/.test(one.exec(said)?.[1] ?? ""));
  };

  /** Whether a member states a wait: seconds, a duration, protobuf's object, or an instant by its name. */
  function statesWait([name, value]) {
    if (typeof value === "boolean") return false;
    if (typeof value === "object") return Number(value.seconds) + Number(value.nanos ?? 0) / 1e9 > 0;
    if (/(?:at|timestamp)$/.test(name)) return true;
    const text = String(value).trim().toLowerCase();
    const [, digits, unit] = /^(\d[\d.,]*)\s?(\p{L}*)/u.exec(text) ?? /^pt?(\d+)([dhms])/.exec(text) ?? [];
    return Number(digits?.replaceAll(",", "")) > 0 && (unit ? unit in wait.units : Number(digits) < 1e9);
  }

  function statedWait({ waits, headers }, layer) {
    const states = waits.some(statesWait) || layer.texts.some(statesInProse);
    return states || headers.has("retry-after") || headers.has("retry-after-ms") ? SEEN : null;
  }

  // Rate-limit headers tell of a window of which nothing is left.
  function spentWindow({ headers }) {
    const isSpent = ([name, value]) => name.includes("remaining") && /rate-?limit/.test(name) && value.trim() === "0";
    return [...headers].some(isSpent) ? SEEN : null;
  }

  // Somebody else's bill: a gateway quotes a provider that it names, and the key there is not the caller's own.
  function quotedBill({ layers }, layer) {
    const outer = layers.slice(0, Math.max(0, layers.indexOf(layer)));
    return outer.some(({ via }) => via) && !outer.some(({ codes }) => codes.includes("byok")) ? SEEN : null;
  }

  const spent = pattern(known.spent_amount.pattern);
  const isSpent = (text) => {
    const [, used, most] = (spent.exec(text.slice(0, MAX_JUDGED)) ?? []).map((part) => Number(part?.replaceAll(",", "")));
    return used >= most && most > 0;
  };
  const shows = {
    window,
    demand_over_limit: demandOverLimit,
    more_tokens_than_fit: moreTokensThanFit,
    zero_limit: zeroLimit,
    stated_wait: statedWait,
    their_load: theirLoad,
    payment_status: (_, layer) => (layer.heard.vocabulary.has("402") && statusSaid(layer) === 402 ? SEEN : null),
    page: ({ shape }) => (shape === "page" ? SEEN : null),
    spent_window: spentWindow,
    quoted_bill: quotedBill,
    spent_amount: (_, { texts }) => (texts.some(isSpent) ? SEEN : null),
  };
  return { shows, windowOf, statusSaid };
}
