"""Samples of the service's JSON: each documented form, and anything at all in its place."""

from hypothesis import strategies as st

from seedream_nb.core.errors import (
    AccountDisabledError,
    BadRequestError,
    BalanceUsedUpError,
    EndpointNotFoundError,
    InvalidTokenError,
    MissingTokenError,
    ModerationError,
    RateLimitedError,
    RequestTooLargeError,
    ServerError,
    ServiceError,
    TaskNotFoundError,
    TokenMismatchError,
)
from seedream_nb.protocol.responses import FAILED_WORDS, PENDING_WORDS, SUCCEEDED_WORDS

ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
TRACE = "176acf03-7ca7-4fc6-85db-e3724d4f59eb"
LINK = "https://platform.cdn.acedata.cloud/seedream/6e5f9085-cc4a-4801-b77b-31550129ff19.jpg"
MODEL = "doubao-seedream-4-0-250828"
ITEM = {"prompt": "a white siamese cat", "size": "2048x2048", "image_url": LINK}
RESPONSE = {"success": True, "task_id": ID, "trace_id": TRACE, "data": [ITEM]}
RECORD = {
    "_id": "69498b9bff2676299c5cb7a6",
    "id": ID,
    "api_id": "86ad30f3-0bc8-4b9b-b019-b9fa5b05672e",
    "application_id": "11e25072-de6d-4bd6-81e7-77ee0055499a",
    "credential_id": "50892af9-597f-426e-a455-bc1739de95b0",
    "user_id": "b60a9491-1eba-4ab8-a93f-12c0fd81dab4",
    "trace_id": TRACE,
    "type": "images",
    "created_at": 1766427547.107,
    "started_at": 1766427547.4,
    "finished_at": 1766427561.9,
    "elapsed": 14.5,
    "request": {"action": "generate", "model": MODEL, "prompt": "a white siamese cat"},
    "response": RESPONSE,
}
STATUS_FORM = {
    "success": True,
    "task_id": ID,
    "data": {"status": "succeeded", "image_url": LINK, "model": MODEL},
}
FAILURE = {"success": False, "error": {"code": "api_error", "message": "it broke"}, "trace_id": TRACE}

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
huge = st.sampled_from([2**63, -(2**63) - 1, 10**400, -(10**400)])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | huge | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
words = st.sampled_from(sorted(SUCCEEDED_WORDS | FAILED_WORDS | PENDING_WORDS)) | any_text
errors = st.fixed_dictionaries({}, optional={"code": anything, "message": anything}) | anything
items = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("prompt", "size", "output_format", "seed", "z_index", "name", "description"), anything),
        "image_url": st.just(LINK) | anything,
        "url": st.just(LINK) | anything,
        "b64_json": st.just("aGVsbG8=") | anything,
        "bounding_box": st.fixed_dictionaries(
            {}, optional={"absolute": st.lists(anything, max_size=5), "normalized": anything}
        )
        | anything,
        "error": errors,
        "status": words,
        "model": anything,
    },
)
common = {
    **dict.fromkeys(("id", "task_id", "trace_id", "success", "model"), anything),
    "data": st.lists(items | anything, max_size=4) | items | anything,
    "error": errors,
    "status": words | anything,
    "state": words | anything,
}
responses = st.fixed_dictionaries({}, optional=common)
records = st.fixed_dictionaries(
    {},
    optional={
        **common,
        **dict.fromkeys(("_id", "created_at", "started_at", "finished_at", "elapsed"), anything),
        "request": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("prompt", "model", "size", "seed", "callback_url"), anything)
        )
        | anything,
        "response": responses | anything,
    },
)

# Errors of the contract: status, code, class, a word of the message and of the hint.
ROWS = [
    (400, "token_mismatched", TokenMismatchError, "another API", "SeeDream"),
    (400, "api_not_implemented", BadRequestError, "rejected", "Fix"),
    (400, "bad_request", BadRequestError, "rejected", "Fix"),
    (400, "no_token", MissingTokenError, "no token", "https://platform.acedata.cloud/documents/seedream-tasks"),
    (400, "disabled", AccountDisabledError, "disabled", "support"),
    (401, "invalid_token", InvalidTokenError, "wrong or has expired", "https://platform.acedata.cloud/documents"),
    (401, "token_expired", InvalidTokenError, "wrong or has expired", "free quota"),
    (401, "token_mismatched", TokenMismatchError, "another API", "https://platform.acedata.cloud/documents"),
    (403, "used_up", BalanceUsedUpError, "balance is used up", "The token is fine"),
    (404, "no_api", EndpointNotFoundError, "no such API", "base URL"),
    (404, "not_found", TaskNotFoundError, "does not know the task", "id"),
    (413, "request_too_large", RequestTooLargeError, "too large", "fewer ids"),
    (429, "too_many_requests", RateLimitedError, "Too many requests", "Wait"),
    (500, "api_error", ServerError, "failed", "trace id"),
    (400, "InputTextSensitiveContentDetected", ModerationError, "Content moderation", "prompt"),
    (400, "OutputImageSensitiveContentDetected", ModerationError, "Content moderation", "prompt"),
    (500, "InputImageRiskDetection", ModerationError, "Content moderation", "prompt"),
    (418, "of_next_year", ServiceError, "rejected", "support"),
    (500, "of_next_year", ServerError, "failed", "trace id"),
]

# Bodies that are not JSON, and how they are described.
PAGE = "<!DOCTYPE html>\n<html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>"
UNREADABLE = [
    ("", "is empty"),
    ("  \n", "is empty"),
    (PAGE, "a web page ('502 Bad Gateway')"),
    ("<html></html>", "a web page."),
    ("<title></title>", "a web page."),
    ('{"success": true, "data": [{"ima', "truncated"),
    ("[1, 2", "truncated"),
    ("[" * 100_000, "truncated"),
    ("Bad gateway \x1b[2J", "not JSON (beginning with 'Bad gateway [2J')"),
]
