from o365lib.sandbox.exchange import ConnectionDropped, Exchange, Reply


def exchange(**changes):
    values = {
        "host": "graph",
        "method": "GET",
        "raw_path": "/v1.0/users/a%2Fb%40c",
        "query_string": "a=1&a=2&$top=5&empty=",
        "headers": {},
        "body": b"x=1&y=a+b",
        "base_url": "https://h",
        "request_id": "r",
    }
    return Exchange(**{**values, **changes})


def test_a_slash_inside_a_segment_does_not_divide_it():
    assert exchange().segments == ("v1.0", "users", "a/b@c")


def test_query_and_form_are_decoded():
    assert exchange().query == {"a": "2", "$top": "5", "empty": ""}
    assert exchange().form == {"x": "1", "y": "a b"}


def test_a_form_that_is_no_text_is_empty():
    assert exchange(body=b"\xff=\xfe").form == {}


def test_json_answers_take_header_names_with_underscores():
    reply = Reply.json({"ä": 1}, status=400, retry_after="2")
    assert reply.body == '{"ä":1}'.encode()
    assert reply.headers["retry-after"] == "2"
    assert reply.status == 400


def test_pages_are_not_kept_by_anybody():
    assert "no-store" in Reply.html("<p>").headers["cache-control"]


def test_a_redirection_names_its_target():
    assert Reply.redirect("https://x/").headers["location"] == "https://x/"


def test_a_dropped_connection_says_what_was_seen():
    assert ConnectionDropped().seen.tenant_id is None
