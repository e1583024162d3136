"""Calls that nobody thought of: drawn from the OpenAPI document, none may be a fault of ours or other than declared."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from tests.service.web.conftest import ANSWER_S, Served, serving

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
FEW = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.filterwarnings("default")
def test_every_call_is_answered_as_declared(make_reader):
    with serving(make_reader()) as served:
        document = schemathesis.openapi.from_url(f"{served.address}/api/openapi.json")
        operations = [found.ok() for found in document.get_all_operations()]
        assert len(operations) > 12
        for operation in operations:
            _call(operation, served)


def _call(operation, served: Served) -> None:
    key = served.opened("1")["key"]  # so that half of the calls reach a lesion that is open

    @FEW
    @given(case=operation.as_strategy())
    def call(case):
        if len(str(case.path_parameters.get("key", ""))) % 2:
            case.path_parameters["key"] = key
        answer = case.call(base_url=served.address, timeout=ANSWER_S)
        case.validate_response(answer, checks=CHECKS)
        assert b"Traceback" not in answer.content

    call()
