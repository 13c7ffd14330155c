"""What an answer that is no success means, and what it tells people to do."""

import httpx
import pytest

from services.deploy.coolify_errors import ForbiddenError, RefusedError, UnavailableError, error_of, normalised


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    content: dict[str, object] = {"text": body} if isinstance(body, str) else {"json": body}
    return httpx.Response(status, **content, headers=headers)  # type: ignore[arg-type]  # json or text


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Missing required permissions: deploy", "abilities"),
        ("Missing required team role.", "admin or owner"),
        ("API is disabled.", "Turn on API access"),
        ("You are not allowed to access the API.", "allowed IPs"),
        ("Something new.", "VRS_COOLIFY_TOKEN"),
    ],
)
def test_each_kind_of_403_names_its_remedy(message: str, remedy: str) -> None:
    error = error_of(answer(403, {"success": True, "message": message}), "GET /servers")
    assert isinstance(error, ForbiddenError)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"a": ["x", "y"]}, {"a": ["x", "y"]}),
        ({"a": "x"}, {"a": ["x"]}),
        (["x"], {"": ["x"]}),
        ("x", {"": ["x"]}),
        (None, {}),
    ],
)
def test_errors_of_every_shape_become_lists_by_field(errors: object, expected: dict[str, list[str]]) -> None:
    assert normalised(errors) == expected


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_temporary(status: int) -> None:
    error = error_of(answer(status, "<html>Bad Gateway</html>", **{"Retry-After": "7"}), "GET /servers")
    assert isinstance(error, UnavailableError)
    assert (error.code, error.retry_after) == (f"coolify_{status}", 7.0)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (answer(302, "", Location="https://coolify.example/login"), "check VRS_COOLIFY_URL"),
        (answer(405, {"message": "This endpoint has changed to a POST request."}), "POST request"),
        (answer(400, {"message": "Invalid request.", "error": "Empty JSON."}), "Empty JSON."),
        (answer(418, ["no object"]), "application/json"),
    ],
)
def test_any_other_answer_is_permanent_and_says_why(response: httpx.Response, said: str) -> None:
    error = error_of(response, "POST /deploy")
    assert isinstance(error, RefusedError)
    assert said in str(error)


def test_messages_fit_into_an_event() -> None:
    body = {"message": "x" * 9999, "errors": {str(n): ["y" * 99] for n in range(99)}}
    assert len(str(error_of(answer(422, body), "POST /x"))) <= 500
