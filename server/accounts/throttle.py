"""How long a stranger who guesses passwords has to wait (security.md T136).

Ten failures in a minute close an address for the rest of that minute; thirty failures in an hour on one account close it for
addresses that never signed in to it, so its owner on a known device is not locked out. An IPv6 address stands for its /64, which
is what one guesser has (T102). Memory is bounded: the oldest entries go first. Pure: the caller brings the time.
"""

from collections import OrderedDict, deque

from server.net.limits import network_of

PER_ADDRESS = (10, 60.0)
PER_ACCOUNT = (30, 3_600.0)
MAX_ENTRIES = 20_000


class _Window:
    """Failures per key inside a sliding window of (count, seconds)."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count, self.seconds = count, seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        times = self._failures.get(key)
        if times is None:
            return 0
        while times and times[0] <= now - self.seconds:
            times.popleft()
        return times[0] + self.seconds - now if len(times) >= self.count else 0

    def fail(self, key: str, now: float) -> None:
        self._failures.setdefault(key, deque(maxlen=self.count)).append(now)
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_ENTRIES:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        self._failures.pop(key, None)


class Throttle:
    """Failures of one process; `now` is monotonic seconds everywhere."""

    def __init__(self) -> None:
        self._addresses = _Window(*PER_ADDRESS)
        self._accounts = _Window(*PER_ACCOUNT)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, account: str, now: float) -> int:
        """Return the whole seconds until a try from `address` on `account` is looked at; 0 = now."""
        seconds = self._addresses.wait(network_of(address)[0], now)
        if (address, account) not in self._known:
            seconds = max(seconds, self._accounts.wait(account, now))
        return int(seconds) + (seconds > int(seconds))

    def failed(self, address: str, account: str, now: float) -> None:
        self._addresses.fail(network_of(address)[0], now)
        self._accounts.fail(account, now)

    def succeeded(self, address: str, account: str) -> None:
        self._known[address, account] = None
        self._known.move_to_end((address, account))
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)
