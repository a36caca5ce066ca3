// Phrases: sequences of whole words with bounded gaps, matched in linear time (docs/export.md, "Phrases").

import { STOP } from "./words.mjs";

const GAPS = { "..": 3, "...": 8 };

/** A text as words, ready to be searched. */
export class Heard {
  constructor(words) {
    this.words = words;
    this.vocabulary = new Set(words);
  }

  saysOneOf(words) {
    return words.some((word) => this.vocabulary.has(word));
  }
}

/** A code as words: an unknown `account_balance_too_low` still says what it is. */
export function spelled(code) {
  return new Heard(code.split("_"));
}

/** The steps of a phrase: `words` (none: a number), after at most `skip` others. The first has words and must be there. */
export function compilePhrase(text, wordsOf) {
  const steps = [];
  let skip = 0;
  for (const element of text.split(/\s+/).filter(Boolean)) {
    if (element in GAPS) {
      skip = GAPS[element];
      continue;
    }
    steps.push(...stepsOf(element, skip, wordsOf));
    skip = 0;
  }
  return steps;
}

function stepsOf(element, skip, wordsOf) {
  if (element === "#") return [{ words: null, skip, optional: false }];
  const optional = element.endsWith("?");
  const parts = (optional ? element.slice(0, -1) : element).split("|");
  if (!optional && parts.length === 1 && !element.endsWith("~")) {
    // `余额` and `api-key` are several words.
    return wordsOf(element).map((word, at) => ({ words: new Set([word]), skip: at ? 0 : skip, optional }));
  }
  const words = parts.flatMap((part) => (part.endsWith("~") ? inflections(wordsOf(part)[0]) : wordsOf(part)));
  return [{ words: new Set(words), skip, optional }];
}

function inflections(word) {
  const stem = word.replace(/e$/, "");
  const doubled = word + word.at(-1);
  return [word, `${word}s`, `${word}es`, `${stem}ed`, `${stem}ing`, `${stem}ion`, `${doubled}ed`, `${doubled}ing`];
}

/** Whether the steps are met one after another, followed from all places at once where the first is. */
export function isIn(steps, heard) {
  const said = heard.words;
  if (steps.some((step) => step.words && !step.optional && !heard.saysOneOf([...step.words]))) return false;
  let places = new Set(said.flatMap((word, at) => (steps[0].words.has(word) ? [at + 1] : [])));
  for (const { words, skip, optional } of steps.slice(1)) {
    const reached = new Set(optional ? places : []);
    for (const place of places) {
      for (let at = place; at <= place + skip && at < said.length; at += 1) {
        if (words ? words.has(said[at]) : /^\p{Nd}/u.test(said[at])) reached.add(at + 1);
        if (said[at] === STOP) break;
      }
    }
    if (!reached.size) return false;
    places = reached;
  }
  return places.size > 0;
}

export function anyIn(phrases, heard) {
  return phrases.some((steps) => isIn(steps, heard));
}
