"""One fetch of an IMAP account: a provider that behaves, and many that do not. What POP3 and IMAP share is in `test_run`."""

import ssl
from dataclasses import replace

import pytest

from fetcher import account, check, lease, link, run, seen
from fetcher.connection import Environment, Target
from fetcher.dialogue import Limits
from fetcher.errors import FetchError
from fetcher.wire import Wire
from tests.fakes.imap_server import CAPABILITIES, ImapManners, ImapServer
from tests.fakes.pop3_server import letters
from tests.fetcher.certificates import Authority
from tests.fetcher.conftest import QUICK

SIZE = 12
NAME = "mail.example.org"


@pytest.fixture
async def imap(world):
    """An IMAP server on the world's maildrop; `world.add` makes its source."""
    async with ImapServer(world.drop) as server:
        standard = world.new
        world.new = lambda **values: standard(**({"protocol": "imap", "port": server.port} | values))

        def durable(message):
            assert message.raw in world.mailbox.stored.values(), "deleted before it was durable"

        world.drop.before_delete = durable
        yield server


def fill(world, count=SIZE, **options):
    raws = letters(count, **options)
    for raw in raws:
        world.drop.add(raw)
    return raws


async def test_everything_comes_once_stays_and_is_not_touched(world, imap):
    raws = fill(world)
    world.add()
    first = await world.fetch()
    assert (first.delivered, first.error) == (SIZE, None)
    assert sorted(world.delivered()) == sorted(raws)
    second = await world.fetch()
    assert (second.delivered, second.error) == (0, None)
    assert len(world.drop.messages) == SIZE and not world.mailbox.repeated
    assert not imap.flags and imap.commands["SELECT"] == 0
    assert all("PEEK" in said for said in imap.log if "BODY" in said)
    source = world.source()
    assert (source.state, source.delivered_count, source.remote_count, source.imported) == ("ok", SIZE, SIZE, True)
    assert set(world.states()) == {f"7.{n}" for n in range(11, 11 + 3 * SIZE, 3)}


async def test_the_first_import_brings_the_newest_first_and_then_comes_order(world, imap):
    raws = fill(world, 50)
    world.batch = 10
    world.add()
    report = await world.fetch()
    assert report.delivered == 50 and imap.sessions == 5
    assert set(world.delivered()[:10]) == set(raws[40:])
    later = letters(30, start=100)
    for raw in later:
        world.drop.add(raw)
    await world.fetch()
    assert world.delivered()[50:] == later


async def test_deleting_happens_after_delivery_and_is_written_down(world, imap):
    fill(world)
    world.add(leave=False)
    report = await world.fetch()
    assert (report.delivered, report.removed) == (SIZE, SIZE)
    assert not world.drop.messages
    stories = world.database.read(lambda r: seen.stories(r, world.source_id))
    assert all(s.removed_at is not None and s.state == "delivered" for s in stories)
    assert imap.commands["EXPUNGE"] == 0 and imap.commands["UID EXPUNGE"] == 1


async def test_what_somebody_else_has_marked_is_not_expunged(world, imap):
    fill(world, 3)
    big = letters(1, start=9, size=400_000)[0]
    world.settings = replace(world.settings, message_size_limit=65_536)
    world.drop.add(big)
    imap.flags[imap.uid(world.drop.messages[-1])] = {"\\Deleted"}
    world.add(leave=False)
    assert (await world.fetch()).removed == 3
    assert [m.raw for m in world.drop.messages] == [big]


async def test_a_server_that_cannot_delete_one_by_one_is_told_to_the_owner(world, imap):
    fill(world, 3)
    imap.manners.capabilities = tuple(c for c in CAPABILITIES if c != "UIDPLUS")
    world.add(leave=False)
    assert (await world.fetch()).error.code == "delete-not-offered"
    now = world.clock.now()
    world.database.write(lambda w: account.change(w, world.source_id, now=now, leave=True))
    assert (await world.fetch()).delivered == 3


async def test_dropped_between_marking_and_expunging(world, imap):
    fill(world, 3)
    imap.manners.drop_before_expunge = True
    world.add(leave=False)
    assert (await world.fetch()).error.code == "dropped"
    assert len(world.drop.messages) == 3
    imap.manners.drop_before_expunge = False
    report = await world.fetch()
    assert (report.delivered, report.removed, report.error) == (0, 3, None)
    assert not world.drop.messages


async def test_an_unchanged_mailbox_is_not_listed(world, imap):
    fill(world)
    world.add()
    await world.fetch()
    assert world.source().listing_hash is not None
    world.clock.advance(600)
    now = world.clock.now()
    claimed = world.database.write(lambda w: lease.claim(w, now=now, room=1, caps=lease.Caps()))
    imap.commands.clear()
    report = await run.fetch(claimed[0], world.kit)
    assert report.error is None
    assert imap.commands["EXAMINE"] == 1 and imap.commands["UID FETCH"] == 0


async def test_one_gone_and_one_come_is_noticed(world, imap):
    fill(world, 3)
    world.add()
    await world.fetch()
    world.drop.messages.pop(0)
    world.drop.add(letters(1, start=50)[0])
    world.clock.advance(600)
    claimed = world.database.write(lambda w: lease.claim(w, now=world.clock.now(), room=1, caps=lease.Caps()))
    assert (await run.fetch(claimed[0], world.kit)).delivered == 1


@pytest.mark.parametrize("change", ["validity", "no validity", "from none"])
async def test_new_uids_for_old_mail_do_not_flood_the_inbox(world, imap, change):
    raws = fill(world)
    imap.manners.sticky = change != "from none"
    world.add()
    await world.fetch()
    imap.manners.uidvalidity = 8
    imap.manners.sticky = change != "no validity"
    report = await world.fetch()
    assert (report.delivered, report.duplicates, report.error) == (0, SIZE, None)
    assert sorted(world.delivered()) == sorted(raws)
    assert (await world.fetch()).delivered == 0


@pytest.mark.parametrize("lines", range(0, 42, 2))
async def test_dropped_at_every_line_nothing_is_lost_or_doubled(world, imap, lines):
    raws = fill(world, 5, size=80)
    imap.manners.drop_after_lines = lines
    world.add(leave=False)
    await world.fetch()
    imap.manners.drop_after_lines = None
    report = await world.fetch()
    assert report.error is None
    assert sorted(world.delivered()) == sorted(raws)
    assert not world.drop.messages


@pytest.mark.parametrize("factor", [0.3, 2])
async def test_wrong_sizes_do_no_harm(world, imap, factor):
    raws = fill(world)
    imap.manners.declared_size = lambda real: int(real * factor)
    world.add()
    assert (await world.fetch()).delivered == SIZE
    assert sorted(world.delivered()) == sorted(raws)
    imap.manners.declared_size = lambda real: real + 1
    assert (await world.fetch()).delivered == 0


async def test_a_huge_literal_is_refused_and_the_others_still_come(world, imap):
    world.environment = Environment(QUICK, Limits(message=20_000))
    liar = letters(1, size=50_000)[0]
    rest = letters(5, start=1)
    for raw in (*rest[:2], liar, *rest[2:]):
        world.drop.add(raw)
    imap.manners.declared_size = lambda real: min(real, 900)
    world.add()
    report = await world.fetch()
    assert report.error is None
    assert sorted(world.delivered()) == sorted(rest)
    assert list(world.states().values()).count("refused") == 1


@pytest.mark.parametrize(
    ("size", "codes"), [(lambda n: n + 500, {"time-out", "protocol"}), (lambda n: n // 2, {"protocol"})]
)
async def test_a_literal_that_lies_about_its_end_delivers_nothing_wrong(world, imap, size, codes):
    fill(world, 1)
    imap.manners.literal_size = size
    world.environment = Environment(replace(QUICK, reply=0.3), Limits(message=20_000))
    world.add(leave=False)
    assert (await world.fetch()).error.code in codes
    assert len(world.drop.messages) == 1 and not world.mailbox.stored


async def test_endless_octets_are_cut_off(world, imap):
    fill(world, 1)
    imap.manners.endless = True
    imap.manners.literal_size = lambda _: 5
    world.environment = Environment(QUICK, Limits(message=300_000))
    world.add()
    report = await world.fetch()
    assert report.delivered == 0 and not world.mailbox.stored
    assert list(world.states().values()) in ([], ["refused"])


async def test_chatter_a_backward_listing_and_single_octets(world, imap):
    raws = fill(world, 3, size=100)
    imap.manners.chatter = imap.manners.backwards = True
    imap.manners.chunk = 1
    world.add()
    assert (await world.fetch()).delivered == 3
    assert sorted(world.delivered()) == sorted(raws)


async def test_bare_line_feeds_become_line_ends(world, imap):
    raws = fill(world, 3)
    imap.manners.bare_lf = True
    world.add()
    assert (await world.fetch()).delivered == 3
    assert sorted(world.delivered()) == sorted(raws)


async def test_a_message_gone_meanwhile_is_passed_over(world, imap):
    fill(world, 5)
    imap.manners.missing = {11 + 3 * 2}
    imap.uid(world.drop.messages[0])
    world.add()
    assert (await world.fetch()).delivered == 4
    imap.manners.missing = set()
    assert (await world.fetch()).delivered == 1


async def test_silence_and_trickles_are_given_up(world, imap):
    fill(world, 1, size=5000)
    imap.manners.hang_at = "EXAMINE"
    world.environment = Environment(replace(QUICK, reply=0.3, rate=10_000), Limits())
    world.add()
    assert (await world.fetch()).error.code == "time-out"
    imap.manners.hang_at = None
    imap.manners.chunk, imap.manners.chunk_pause = 1, 0.01
    assert (await world.fetch()).error.code == "too-slow"


# -- signing in


async def test_a_provider_that_wants_to_know_who_we_are(world, imap):
    """163 and 126 let nobody into a mailbox who has not sent ID."""
    fill(world, 1)
    imap.manners.wants_id = True
    world.add()
    assert (await world.fetch()).delivered == 1
    imap.manners.capabilities = tuple(c for c in CAPABILITIES if c != "ID")
    report = await world.fetch()
    assert report.error.code == "sign-in-unsafe" and "Unsafe Login" in report.error.detail
    assert world.source().state == "sign-in" and world.source().trouble.remedy


@pytest.mark.parametrize(
    ("words", "code", "state"),
    [
        ("NO [AUTHENTICATIONFAILED] bad", "sign-in", "sign-in"),
        ("NO [INUSE] locked", "in-use", "new"),
        ("NO [UNAVAILABLE] later", "provider-temporary", "failing"),
        ("NO [ALERT] Application-specific password required: https://x", "sign-in-app-password", "sign-in"),
        ("NO [WEBALERT https://x] Web login required.", "sign-in-web", "sign-in"),
        ("NO LOGIN Login error or password error, IMAP service is not enabled", "sign-in-service-off", "sign-in"),
    ],
)
async def test_a_refused_sign_in_is_understood(world, imap, words, code, state):
    imap.manners.refuse_sign_in = words
    world.add()
    assert (await world.fetch()).error.code == code
    assert (world.source().error_code, world.source().state) == (code, state)


async def test_a_wrong_password_is_counted_once(world, imap):
    world.add(password="wrong")
    assert (await world.fetch()).error.code == "sign-in"
    assert imap.commands["LOGIN"] + imap.commands["AUTHENTICATE"] == 1


@pytest.mark.parametrize(
    ("offered", "password", "verb"),
    [
        (("IMAP4rev1",), "right horse", "LOGIN"),
        (("IMAP4rev1",), 'with "quotes" \\', "LOGIN"),
        (("IMAP4rev1", "LOGINDISABLED", "AUTH=PLAIN"), "right horse", "AUTHENTICATE"),
        (("IMAP4rev1", "AUTH=PLAIN", "SASL-IR"), "пароль", "AUTHENTICATE"),
    ],
)
async def test_the_way_that_is_offered(world, imap, offered, password, verb):
    imap.manners.capabilities, imap.manners.password = offered, password
    world.add(password=password)
    assert (await world.fetch()).error is None
    assert imap.commands[verb] == 1


async def test_no_way_at_all(world, imap):
    imap.manners.capabilities = ("IMAP4rev1", "LOGINDISABLED", "AUTH=GSSAPI")
    world.add()
    assert (await world.fetch()).error.code == "sign-in-not-offered"
    assert imap.commands["LOGIN"] == 0


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        ("+OK POP3 here", "protocol"),
        ("* BYE [UNAVAILABLE] down", "provider-temporary"),
        ("* PREAUTH come in", "protocol"),
    ],
)
async def test_greetings(world, imap, greeting, code):
    imap.manners.greeting = greeting
    world.add()
    assert (await world.fetch()).error.code == code
    assert imap.commands["LOGIN"] == 0


# -- TLS


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def resolve_here(_host, _port):
    return ["127.0.0.1"]


async def visit(server, tls, trust, password="right horse"):
    target = Target(NAME, server.port, tls, private_ok=True, protocol="imap")
    async with link.session(target, "someone", password, Environment(QUICK, resolve=resolve_here, trust=trust)) as one:
        await one.survey()
        await one.finish(())
        return one.tls_version


async def refusal(act):
    with pytest.raises(FetchError) as caught:
        await act
    return caught.value.code


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_tls_before_the_password(world, authority, tls):
    context = authority.server(NAME)
    manners = ImapManners(implicit=context) if tls == "implicit" else ImapManners(starttls=context)
    async with ImapServer(world.drop, manners) as server:
        assert (await visit(server, tls, authority.trust)).startswith("TLSv1")
        assert not any("LOGIN" in line for line in server.in_clear)
        other = ssl.create_default_context
        assert await refusal(visit(server, tls, other)) == "tls-certificate"
        assert server.commands["LOGIN"] == 1


@pytest.mark.parametrize("fault", ["not offered", "refused", "preauth", "injected"])
async def test_starttls_never_falls_back(world, authority, fault):
    """T130: whatever somebody in between says, the password is not sent in clear."""
    manners = ImapManners(starttls=authority.server(NAME), offers_starttls=fault != "not offered")
    if fault == "refused":
        manners.answer = {"STARTTLS": "TAG BAD no"}
    if fault == "preauth":
        manners.greeting = "* PREAUTH come in"
    if fault == "injected":
        manners.inject_after_starttls = b"* CAPABILITY IMAP4rev1\r\n"
    async with ImapServer(world.drop, manners) as server:
        code = await refusal(visit(server, "starttls", authority.trust))
        assert code == ("tls-failed" if fault == "injected" else "tls-not-offered")
        assert server.commands["LOGIN"] == server.commands["AUTHENTICATE"] == 0


async def test_a_line_end_in_a_password_is_no_command(world):
    async with ImapServer(world.drop) as server:
        target = Target(NAME, server.port, "none", private_ok=True, protocol="imap")
        shell = Environment(QUICK, resolve=resolve_here)
        for secret in ("x\r\na DELETE INBOX", "пароль\r\nx"):
            with pytest.raises(FetchError) as caught:
                async with link.session(target, "someone", secret, shell):
                    pass
            assert caught.value.code == "bad-credentials-text"
        assert server.commands["LOGIN"] == server.commands["DELETE"] == 0


async def test_only_imap_ports_on_the_internet():
    async def public(_host, _port):
        return ["8.8.8.8"]

    shell = Environment(QUICK, resolve=public)
    addresses = link.connection.addresses
    assert await addresses(Target(NAME, 993, "implicit", protocol="imap"), shell) == ["8.8.8.8"]
    assert await refusal(addresses(Target(NAME, 995, "implicit", protocol="imap"), shell)) == "port-forbidden"
    assert await refusal(addresses(Target(NAME, 993, "implicit"), shell)) == "port-forbidden"
    own = Target("127.0.0.1", 993, "implicit", protocol="imap")
    assert await refusal(addresses(own, Environment(QUICK))) == "address-forbidden"


# -- the check


async def examine(world, server):
    return await check.check(
        *(world.settings, "127.0.0.1", server.port, "none", "someone", "right horse"),
        protocol="imap",
        environment=Environment(QUICK),
    )


async def test_the_check_walks_through_it_and_changes_nothing(world, imap):
    fill(world, 3)
    steps = await examine(world, imap)
    assert [s.name for s in steps] == [s for s in check.STEPS if s != "tls"]
    assert all(s.ok for s in steps), steps
    detail = {s.name: s.detail for s in steps}
    assert detail["list"] == "3" and detail["message"] == "Number 2" and "UIDPLUS" in detail["sign-in"]
    assert not imap.flags and len(world.drop.messages) == 3


@pytest.mark.parametrize(
    ("verb", "step", "code"),
    [
        ("LOGIN", "sign-in", "sign-in"),
        ("EXAMINE", "list", "provider-temporary"),
        ("UID FETCH", "message", "protocol"),
        ("CAPABILITY", "greeting", "protocol"),
    ],
)
async def test_the_step_that_fails_is_the_last(world, imap, verb, step, code):
    fill(world, 1)
    imap.manners.answer = {verb: "TAG NO sorry"}
    steps = await examine(world, imap)
    assert all(s.ok for s in steps[:-1])
    assert (steps[-1].name, steps[-1].code) == (step, code)


async def test_an_empty_mailbox(world, imap):
    assert (await examine(world, imap))[-1].ok
    world.add()
    assert (await world.fetch()).error is None


def test_the_seam_is_kept():
    for protocol in account.PROTOCOLS:
        opened = link.open_link(Wire(), Target(NAME, 1, "none", protocol=protocol), Environment())
        public = {name for name in vars(link.Link) if not name.startswith("_")}
        assert public <= set(dir(opened)) and protocol in type(opened).__module__
