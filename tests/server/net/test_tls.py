import asyncio
import ssl
import stat
import threading
from datetime import UTC, datetime

import pytest
from cryptography import x509

from server.config import Settings
from server.net import tls


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path)


def names(pem):
    san = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [*san.get_values_for_type(x509.DNSName), *map(str, san.get_values_for_type(x509.IPAddress))]


def test_names_of_the_certificate():
    pem, _ = tls.self_signed("mail.ours.test", datetime.now(UTC))
    assert names(pem) == ["mail.ours.test", "localhost", "127.0.0.1", "::1"]
    assert names(tls.self_signed("localhost", datetime.now(UTC))[0])[:2] == ["localhost", "127.0.0.1"]
    assert names(tls.self_signed("post.büro.test", datetime.now(UTC))[0])[0] == "post.xn--bro-hoa.test"
    long = "a" * 60 + ".mail.ours.test"
    assert names(tls.self_signed(long, datetime.now(UTC))[0])[0] == long


def test_files_are_made_once_and_for_the_owner_only(settings):
    tls.ensure_certificate(settings, "mail.ours.test")
    files = [settings.tls_dir / name for name in (tls.CERTIFICATE, tls.KEY)]
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)
    assert stat.S_IMODE(settings.tls_dir.stat().st_mode) == 0o700
    before = [f.read_bytes() for f in files]
    tls.ensure_certificate(settings, "other.test")
    assert [f.read_bytes() for f in files] == before


def test_two_that_start_at_once_agree(settings):
    starters = [threading.Thread(target=tls.server_context, args=(settings, f"m{n}.test")) for n in range(6)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    # A key of one and a certificate of another would not load.
    tls.server_context(settings, "m.test")


@pytest.fixture
async def served(settings):
    """A TLS echo server; returns a function that connects and gives (peer certificate, TLS version)."""
    context = tls.server_context(settings, "mail.ours.test")
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)

    async def connect(name="mail.ours.test", **options):
        client = ssl.create_default_context()
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        for key, value in options.items():
            setattr(client, key, value)
        _, writer = await asyncio.open_connection(
            "127.0.0.1", server.sockets[0].getsockname()[1], ssl=client, server_hostname=name
        )
        secured = writer.get_extra_info("ssl_object")
        result = secured.getpeercert(binary_form=True), secured.version()
        writer.close()
        return result

    yield connect
    server.close()


async def test_a_renewed_certificate_is_served_without_restart(settings, served):
    first, _ = await served()
    (settings.tls_dir / tls.CERTIFICATE).unlink()
    tls.ensure_certificate(settings, "new.ours.test")
    second, _ = await served()
    # A client that sends no server name (it connects to an address) sees the new one too.
    third, _ = await served("127.0.0.1")
    assert first != second == third


async def test_half_a_renewal_leaves_the_old_one_in_use(settings, served):
    first, _ = await served()
    (settings.tls_dir / tls.CERTIFICATE).write_bytes(tls.self_signed("x.test", datetime.now(UTC))[0])
    assert (await served())[0] == first
    (settings.tls_dir / tls.KEY).write_bytes(b"no key")
    assert (await served())[0] == first
    (settings.tls_dir / tls.KEY).unlink()
    assert (await served())[0] == first


async def test_old_tls_is_refused(served):
    assert (await served())[1] == "TLSv1.3"
    assert (await served(maximum_version=ssl.TLSVersion.TLSv1_2))[1] == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLS"), pytest.raises((ssl.SSLError, ConnectionError)):
        await served(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_a_pair_from_before_the_set_up_is_made_again_and_nobody_elses_is_touched(settings):
    tls.ensure_certificate(settings, "localhost")
    path = settings.tls_dir / tls.CERTIFICATE
    nameless = path.read_bytes()
    tls.ensure_certificate(settings, "localhost")
    assert path.read_bytes() == nameless
    tls.ensure_certificate(settings, "mail.lin.example")
    named = path.read_bytes()
    assert b"mail.lin.example" in ssl.PEM_cert_to_DER_cert(named.decode())
    tls.ensure_certificate(settings, "other.lin.example")
    assert path.read_bytes() == named
