"""The dispatch table: every command, where it may be used, and what it does to numbers and news (RFC 9051 §6)."""

from server.imap.commands import (
    acl,
    append,
    auth,
    compress,
    copy,
    esearch,
    expunge,
    fetch,
    idle,
    mailbox,
    metadata,
    notify,
    quota,
    replace,
    search,
    select,
    store,
    unauthenticate,
    update,
)
from server.imap.commands import any as any_state
from server.imap.commands import list as listing
from server.imap.handler import Effect, Row, State

_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE = frozenset({State.NOT_AUTHENTICATED})
_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})

_ROWS = (
    Row("CAPABILITY", any_state.capability, _ANY),
    Row("NOOP", any_state.noop, _ANY, Effect.LOOKS),
    Row("LOGOUT", any_state.logout, _ANY),
    Row("ID", any_state.identify, _ANY),
    Row("STARTTLS", auth.start_tls, _BEFORE),
    Row("AUTHENTICATE", auth.authenticate, _BEFORE),
    Row("LOGIN", auth.login, _BEFORE),
    Row("ENABLE", auth.enable, _IN),
    Row("UNAUTHENTICATE", unauthenticate.unauthenticate, _IN),
    Row("COMPRESS", compress.compress, _IN, Effect.QUIET),
    Row("SELECT", select.select, _IN, Effect.QUIET),
    Row("EXAMINE", select.select, _IN, Effect.QUIET),
    Row("CREATE", mailbox.create, _IN),
    Row("DELETE", mailbox.delete, _IN),
    Row("RENAME", mailbox.rename, _IN),
    Row("SUBSCRIBE", mailbox.subscribe, _IN),
    Row("UNSUBSCRIBE", mailbox.subscribe, _IN),
    Row("LIST", listing.list_, _IN),
    Row("LSUB", listing.lsub, _IN),
    Row("NAMESPACE", mailbox.namespace, _IN),
    Row("STATUS", mailbox.status, _IN),
    Row("APPEND", append.append, _IN, Effect.LOOKS),
    Row("REPLACE", replace.replace, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
    Row("UID REPLACE", replace.replace, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
    Row("IDLE", idle.idle, _IN),
    Row("NOTIFY", notify.notify, _IN),
    Row("GETQUOTA", quota.get_quota, _IN),
    Row("GETQUOTAROOT", quota.get_quota_root, _IN),
    Row("GETMETADATA", metadata.get_metadata, _IN),
    Row("SETMETADATA", metadata.set_metadata, _IN),
    Row("SETACL", acl.set_acl, _IN),
    Row("DELETEACL", acl.delete_acl, _IN),
    Row("GETACL", acl.get_acl, _IN),
    Row("LISTRIGHTS", acl.list_rights, _IN),
    Row("MYRIGHTS", acl.my_rights, _IN),
    Row("CHECK", select.check, _SELECTED, Effect.LOOKS),
    Row("CLOSE", select.close, _SELECTED),
    Row("UNSELECT", select.close, _SELECTED),
    Row("EXPUNGE", expunge.expunge, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
    Row("UID EXPUNGE", expunge.expunge, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
    Row("SEARCH", search.search, _SELECTED, Effect.USES_NUMBERS | Effect.SEES),
    Row("UID SEARCH", search.search, _SELECTED, Effect.SEES),
    Row("CANCELUPDATE", update.cancel_update, _SELECTED),
    Row("ESEARCH", esearch.esearch, _IN, Effect.SEES),
    Row("SORT", search.sort, _SELECTED, Effect.USES_NUMBERS | Effect.SEES),
    Row("UID SORT", search.sort, _SELECTED, Effect.SEES),
    Row("THREAD", search.thread, _SELECTED, Effect.USES_NUMBERS | Effect.SEES),
    Row("UID THREAD", search.thread, _SELECTED, Effect.SEES),
    Row("FETCH", fetch.fetch, _SELECTED, Effect.USES_NUMBERS | Effect.SEES),
    Row("UID FETCH", fetch.fetch, _SELECTED, Effect.SEES),
    Row("STORE", store.store, _SELECTED, Effect.USES_NUMBERS),
    Row("UID STORE", store.store, _SELECTED),
    Row("COPY", copy.copy, _SELECTED),
    Row("UID COPY", copy.copy, _SELECTED),
    Row("MOVE", copy.copy, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
    Row("UID MOVE", copy.copy, _SELECTED, Effect.LOOKS | Effect.EXPUNGES),
)

TABLE = {row.name: row for row in _ROWS}

BY_NUMBER = {name for name in TABLE if f"UID {name}" in TABLE} - {"EXPUNGE"}
"""Commands that take or answer message numbers, and have another form that does not."""
