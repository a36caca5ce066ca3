"""What a script saw, a line of JSON a call: the text, or which exception came with which class."""

import json


def tell(case, call):
    seen = {"case": case, "text": "", "error": "", "class": ""}
    try:
        seen["text"] = call()
    except Exception as error:  # noqa: BLE001 - whatever an application would see
        seen |= {"error": type(error).__name__, "class": class_of(error), "message": str(error)[:400]}
    print(json.dumps(seen), flush=True)


def class_of(error):
    """From the failed answer's headers, or where a stream broke, from the members of its last event."""
    while error is not None:
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", None) or {}
        if "x-llm-error-class" in headers:
            return headers["x-llm-error-class"]
        body = getattr(error, "body", None)
        if isinstance(body, dict):
            told = body.get("error") if isinstance(body.get("error"), dict) else body
            if "class" in told:
                return told["class"]
        error = error.__cause__ or error.__context__
    return ""
