// Is an answer under a good status a failure? By its members alone, never by prose (docs/export.md, "A good status").

/** A function that says whether a JSON value is an error; `businessCodes` are the provider's dotted members. */
export function failureBy(table) {
  const known = table.good_status;

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isInteger = (value) => Number.isInteger(value);
  /** `0`, `0000`, `A0000`, a status from 200 to 299, or a word for success. */
  const isGood = (code) => {
    const text = String(code).trim().toLowerCase();
    return known.good_codes.includes(text) || /^\p{L}?0*$|^2\d\d$/u.test(text) && !/^\p{L}$/u.test(text);
  };

  function hasContent(member) {
    if (typeof member === "string") return !known.nothing.includes(member.trim().toLowerCase().replace(/\.+$/, ""));
    if (typeof member === "object" && member !== null) return Object.keys(member).length > 0;
    return Boolean(member);
  }

  const hasMessage = (value) =>
    known.messages.some((name) => typeof value[name] === "string" && !known.no_message.includes(value[name].trim().toLowerCase()));
  /** Whether a member within an error says that there is none. */
  const saysNone = (part, member) => {
    if (known.messages.includes(part)) return typeof member === "string" && known.no_message.includes(member.trim().toLowerCase());
    return known.codes.includes(part) && isGood(member);
  };
  const hasAnswer = (value) => known.answers.some((name) => hasContent(value[name]));
  const hasResult = (value) =>
    known.results.some((name) => (isObject(value[name]) ? Object.values(value[name]).some(hasContent) : hasContent(value[name])));

  function hasError(value) {
    const kind = value.object;
    if (typeof kind === "string" && known.objects.some((name) => kind.startsWith(name))) return false;
    if ("done" in value && String(value.name ?? "").slice(0, 200).includes("operations/")) return false;
    if (value.type === "error" || kind === "error") return true;
    if (typeof value.errorMessage === "string" && Object.keys(value).every((name) => known.lambda.includes(name))) return true;
    return known.errors.some((name) => {
      const error = value[name];
      if (isObject(error)) {
        return Object.entries(error).some(([part, member]) => hasContent(member) && !saysNone(part, member));
      }
      if (isInteger(error)) return error >= 400 && error <= 599;
      return typeof error === "string" ? hasContent(error) : error === true && hasMessage(value);
    });
  }

  function hasFailedResponse(value) {
    if (value.type === "response.failed") return true;
    const isFailed = (response) => isObject(response) && typeof response.output !== "string" && hasError(response);
    if (isFailed(value.response) || isFailed(value.Response)) return true;
    return isObject(value.delta) && value.delta.finish_reason === "ERROR" && hasContent(value.delta.error);
  }

  function hasBusinessCode(value, paths) {
    for (const path of [...known.business_codes, ...paths]) {
      const code = path.split(".").reduce((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
      if ((isInteger(code) || typeof code === "string") && !isGood(code) && hasContent(code)) return true;
    }
    if (hasResult(value)) return false;
    return known.codes.some((name) => {
      if (!hasMessage(value) && !/^err/i.test(name)) return false;
      const code = value[name];
      if (!hasContent(code) || (isGood(code) && (code !== 1 || ["code", "ret"].includes(name)))) return false;
      return isInteger(code) || (typeof code === "string" && /^[\p{L}\p{N}_.:-]{1,120}$/u.test(code));
    });
  }

  function saysNoSuccess(value) {
    if (known.success.some((name) => value[name] === false)) return !hasAnswer(value);
    const { errors } = value;
    let { status } = value;
    if (isObject(status)) {
      const told = hasMessage(status) || hasContent(status.description);
      status = isInteger(status.code) && told && !isGood(status.code) ? "fail" : "";
    }
    if (typeof status === "string" && known.failed.includes(status.toLowerCase()) && !hasResult(value)) return true;
    return Array.isArray(errors) && errors.length > 0 && !hasResult(value);
  }

  function hasBadStatus(value) {
    return known.statuses.some((name) => {
      const status = value[name];
      const says = hasMessage(value) || value.detail || value.title || name === "statusCodeValue";
      return isInteger(status) && status >= 400 && status <= 599 && !hasAnswer(value) && Boolean(says);
    });
  }

  function isBlocked({ candidates, promptFeedback, predictions }) {
    const hasCandidates = Array.isArray(candidates) && candidates.length > 0;
    if (isObject(promptFeedback) && hasContent(promptFeedback.blockReason) && !hasCandidates) return true;
    if (hasCandidates) {
      const hasParts = ({ content }) => isObject(content) && content.parts?.length > 0;
      return candidates.every((one) => isObject(one) && known.blocked.includes(one.finishReason) && !hasParts(one));
    }
    if (!Array.isArray(predictions) || !predictions.length) return false;
    return predictions.every((one) => isObject(one) && one.raiFilteredReason && !("bytesBase64Encoded" in one));
  }

  return function isFailure(value, businessCodes = []) {
    if (Array.isArray(value)) return value.slice(0, 4).some((item) => isObject(item) && isFailure(item, businessCodes));
    if (!isObject(value)) return false;
    return (
      hasError(value) ||
      hasFailedResponse(value) ||
      failedChoice(value) !== undefined ||
      hasBusinessCode(value, businessCodes) ||
      saysNoSuccess(value) ||
      hasBadStatus(value) ||
      isBlocked(value)
    );
  };
}

/** The choice beside which OpenRouter puts a provider's failure. */
export function failedChoice({ choices }) {
  if (!Array.isArray(choices)) return undefined;
  return choices.slice(0, 4).find((one) => one?.finish_reason === "error" && one.error && typeof one.error === "object" && !Array.isArray(one.error));
}
