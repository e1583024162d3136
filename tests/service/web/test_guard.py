"""Who is let in, what is refused, and the headers of every answer."""

import http.client
import socket
from contextlib import closing

import pytest
from tests.service.web.conftest import ANSWER_S, UPLOAD_BYTES, serving

from onephase.service.web.guard import Admission
from onephase.service.web.server import AddressError, address_of, is_loopback, listen, refuse_open_door

TOKEN = "a-token-drawn-by-chance"  # noqa: S105 - of these tests


def test_a_foreign_name_is_refused(served):
    """A page that points a name of its own at 127.0.0.1 (DNS rebinding) is answered nothing."""
    answer = served.call("GET", "cases", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "not known under that name" in answer.json()["detail"]


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_page_may_not_call(served, headers):
    assert served.call("POST", "lesions", json={"case": "1"}, headers=headers).status_code == 403
    assert served.call("GET", "cases", headers={"Origin": served.address}).status_code == 200


def test_with_a_token_every_call_must_carry_it(make_reader):
    with serving(make_reader(), Admission(token=TOKEN)) as served:
        assert served.call("GET", "cases").status_code == 401
        assert served.call("GET", "cases", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert served.call("GET", "cases", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert served.call("GET", "../").status_code == 200  # the empty page holds nothing of anybody


def test_an_allowed_origin_and_host_are_let_in(make_reader):
    admission = Admission(hosts=("reader.example",), origins=("https://reader.example",))
    headers = {"Host": "reader.example", "Origin": "https://reader.example"}
    with serving(make_reader(), admission) as served:
        assert served.call("GET", "cases", headers=headers).status_code == 200
        assert served.call("GET", "cases").status_code == 421


def test_every_answer_allows_no_script_but_our_own(served):
    for path in ("../", "cases", "../page/script/main.js", "nothing-here"):
        headers = served.call("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_an_upload_over_the_limit_is_refused_before_it_is_read(served):
    announced = served.call("POST", "uploads", files={"image": b"0" * (UPLOAD_BYTES + 1)})
    assert announced.status_code == 413
    assert "larger than the 2 MB" in announced.json()["detail"]
    assert served.call("POST", "lesions", data=b"0" * 70_000).status_code == 413


def test_an_upload_that_hides_its_size_is_cut_off(served):
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="image"\r\n\r\n'
    chunks = [head, *[b"0" * 500_000] * 6, b"\r\n--x--\r\n"]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with closing(http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=ANSWER_S)) as connection:
        connection.request("POST", "/api/uploads", body=iter(chunks), headers=headers, encode_chunked=True)
        with connection.getresponse() as answer:
            assert answer.status == 413
            assert b"larger than" in answer.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "reader.example", "::"])  # noqa: S104 - refused
def test_wider_than_loopback_needs_a_token(host):
    assert not is_loopback(host)
    with pytest.raises(AddressError, match="a token is needed"):
        refuse_open_door(host, token="")
    with pytest.raises(AddressError, match="16 or more"):
        refuse_open_door(host, token="short")  # noqa: S106 - of this test
    refuse_open_door(host, token=TOKEN)


def test_loopback_needs_none():
    for host in ("127.0.0.1", "localhost", "::1", "127.3.4.5"):
        refuse_open_door(host, token="")


def test_an_address_that_is_taken_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=f"cannot listen on 127.0.0.1, port {port}"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", 0) as free:
        address = address_of(free, token="a b")  # noqa: S106 - of this test
        assert address == f"http://127.0.0.1:{free.getsockname()[1]}/#token=a%20b"
