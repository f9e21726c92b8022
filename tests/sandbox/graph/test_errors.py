import pytest

from o365lib.sandbox.graph import errors


def test_an_error_is_written_as_graph_does():
    body = errors.bad_request("No.", target="x").body(
        date="2026-08-20T10:11:12", request_id="r", client_request_id="c"
    )
    assert body == {
        "error": {
            "code": "Request_BadRequest",
            "message": "No.",
            "details": [{"code": "InvalidValue", "message": "No.", "target": "x"}],
            "innerError": {
                "date": "2026-08-20T10:11:12",
                "request-id": "r",
                "client-request-id": "c",
            },
        }
    }


def test_without_anybody_to_blame_there_are_no_details():
    body = errors.not_found("x").body(date="d", request_id="r", client_request_id="c")
    assert "details" not in body["error"]
    assert body["error"]["message"].startswith("Resource 'x' does not exist or one of its")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "InvalidAuthenticationToken"),
        (403, "Authorization_RequestDenied"),
        (429, "TooManyRequests"),
        (500, "Service_InternalServerError"),
        (503, "serviceNotAvailable"),
        (504, "UnknownError"),
    ],
)
def test_a_status_has_its_code(status, code):
    error = errors.for_status(status, None)
    assert (error.status, error.code) == (status, code)


@pytest.mark.parametrize("status", [429, 503, 504])
def test_when_to_come_back_is_a_header_if_it_is_known(status):
    assert errors.for_status(status, "2.5").headers == {"retry-after": "2.5"}
    assert "retry-after" not in errors.for_status(status, None).headers
