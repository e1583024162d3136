"""What is shown and believed: each file that will not do is named, with the option that it belongs to."""

import ssl

import pytest

from onephase.errors import SettingsError
from onephase.service.node.tls import Credentials, tls_of


@pytest.fixture
def files(certificate, tmp_path):
    """Files by name: a certificate, its key, both in one, a letter, and one that is not there."""
    made = {name: tmp_path / f"{name}.pem" for name in ("both", "letter", "none")}
    made["both"].write_text("".join(path.read_text() for path in certificate))
    made["letter"].write_text("Dear colleague\n")
    return {**dict(zip(("cert", "key"), certificate, strict=True)), **made}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("none", None, None), r"^--tls-cert: .*none.pem does not exist: check the path$"),
        (("none", "key", "cert"), r"^--tls-cert: .*none.pem does not exist"),
        (("cert", "none", None), r"^--tls-key: .*none.pem does not exist"),
        (("cert", "key", "none"), r"^--tls-ca: .*none.pem does not exist"),
        (("cert", None, None), r"^--tls-cert needs --tls-key: .*cert.pem is no PEM file that holds a certificate and"),
        (("letter", None, None), r"^--tls-cert needs --tls-key: .*letter.pem is no PEM file"),
        (("cert", "letter", None), r"cert.pem cannot be used with the key .*letter.pem: give two PEM files that fit$"),
        (("cert", "key", "letter"), r"letter.pem holds no certificates that can be used: give a PEM file of"),
        ((None, "key", None), r"^TLS needs a certificate: give --tls-cert with --tls-key$"),
    ],
)
def test_the_file_that_will_not_do_is_named(files, names, sentence):
    with pytest.raises(SettingsError, match=sentence):
        tls_of(*(name and files[name] for name in names))


@pytest.mark.parametrize("names", [("cert", "key", "cert"), ("both", None, None)])
def test_two_files_or_one_that_holds_both_will_do(files, names):
    context = tls_of(*(name and files[name] for name in names))
    assert context is not None
    assert (context.verify_mode is ssl.CERT_REQUIRED) == (names[2] is not None)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("none", r"^--forward-ca: .*none.pem does not exist"), ("letter", "letter.pem holds no certificates")],
)
def test_authorities_for_the_archive_that_will_not_do_are_named(files, name, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Credentials(ca=files[name]).for_c_store()


def test_nobody_else_vouches_for_the_archive(files):
    context = Credentials(ca=files["cert"]).for_c_store()
    assert context is not None
    assert [dict(part[0] for part in one["subject"]) for one in context.get_ca_certs()] == [{"commonName": "127.0.0.1"}]
