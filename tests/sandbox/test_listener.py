import threading
import time

import pytest
import requests

from o365lib.sandbox import Fault


def test_headers_are_those_of_the_service(graph):
    answer = graph("GET", "/domains", client_request_id="11111111-2222-3333-4444-555555555555")
    assert answer.headers["client-request-id"] == "11111111-2222-3333-4444-555555555555"
    assert answer.headers["OData-Version"] == "4.0"
    assert answer.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    assert "ServerInfo" in answer.headers["x-ms-ags-diagnostic"]
    assert answer.headers["request-id"] != answer.headers["client-request-id"]


def test_a_request_without_an_id_gets_the_services_own(graph):
    answer = graph("GET", "/domains")
    assert answer.headers["client-request-id"] == answer.headers["request-id"]


def test_every_answer_waits_the_latency_and_the_control_interface_does_not(
    sandbox, graph, web, served
):
    sandbox.latency_seconds = 0.3
    start = time.monotonic()
    graph("GET", "/domains")
    assert time.monotonic() - start >= 0.3
    sandbox.latency_seconds = 3600
    url = f"{served.graph_base_url}/_sandbox/settings"
    headers = {"Authorization": f"Bearer {served.control_key}"}
    assert web.session.get(url, headers=headers, timeout=10).status_code == 200
    sandbox.latency_seconds = 0


def test_waiting_requests_do_not_hold_others_up(sandbox, graph, web):
    sandbox.latency_seconds = 0.2
    answers = []

    def ask():
        with requests.Session() as session:
            session.trust_env = False
            answers.append(
                session.get(
                    f"{web.served.graph_base_url}/v1.0/domains",
                    headers={"Authorization": f"Bearer {graph.token}"},
                    verify=web.session.verify,
                    timeout=10,
                ).status_code
            )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8


def test_a_reset_connection_does_not_harm_the_next_one(sandbox, graph):
    sandbox.faults.add(Fault(effect="reset-before"))
    with pytest.raises(requests.ConnectionError):
        graph("GET", "/domains")
    assert graph("GET", "/domains").status_code == 200


def test_links_lead_to_the_host_that_the_client_wrote(graph, web, served):
    base = served.graph_base_url.replace("127.0.0.1", "localhost")
    answer = web.session.get(
        f"{base}/v1.0/users?$top=1", headers={"Authorization": f"Bearer {graph.token}"}, timeout=10
    )
    assert answer.json()["@odata.nextLink"].startswith(base)


def test_a_defect_is_told_and_the_next_request_is_served(sandbox, graph, tenant, caplog):
    domain = tenant.domains.pop("alpinebooks.example")
    tenant.domains["alpinebooks.example"] = None
    answer = graph("GET", "/domains")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "Service_InternalServerError"
    assert "GET /v1.0/domains" in caplog.text
    tenant.domains["alpinebooks.example"] = domain
    assert graph("GET", "/domains").status_code == 200
