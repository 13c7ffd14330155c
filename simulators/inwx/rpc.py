"""One JSON-RPC call: which method, who calls, what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import contacts, domains, nameserver, registrations, transfers
from .accounts import Account, Accounts, Credentials, Unlock
from .answers import ApiError, Envelope, ResultCode, envelope
from .domains import Domains
from .params import Params
from .registrations import Registrar
from .transfers import Transfers
from .zones import Zones

Data = dict[str, Any] | None


@dataclass(frozen=True)
class Method:
    """A method by its documented name, under which faults are armed."""

    name: str
    params: type[Params] = Params
    work: Callable[[Account, Any], "Data | tuple[ResultCode, Data]"] | None = None  # without, it is about the session


@dataclass(frozen=True)
class Reply:
    """What goes back; `token` starts a session."""

    envelope: Envelope
    token: str | None = None


class Rpc:
    """Everything INWX can be asked, over the accounts, zones and domains it has."""

    def __init__(
        self, accounts: Accounts, zones: Zones, registered: Domains, registrar: Registrar, moves: Transfers
    ) -> None:
        self.accounts = accounts
        methods = [
            Method("account.login"),
            Method("account.unlock"),
            Method("account.logout"),
            Method("account.check", Params, _check_account),
            Method("account.info", Params, _account_info),
            Method("nameserver.create", nameserver.Create, partial(nameserver.create, zones)),
            Method("nameserver.delete", nameserver.Delete, partial(nameserver.delete, zones)),
            Method("nameserver.info", nameserver.Info, partial(nameserver.info, zones)),
            Method("nameserver.list", nameserver.List, partial(nameserver.list_zones, zones)),
            Method("nameserver.createRecord", nameserver.CreateRecord, partial(nameserver.create_record, zones)),
            Method("nameserver.updateRecord", nameserver.UpdateRecord, partial(nameserver.update_record, zones)),
            Method("nameserver.deleteRecord", nameserver.DeleteRecord, partial(nameserver.delete_record, zones)),
            Method("domain.info", domains.Info, partial(domains.info, registered)),
            Method("domain.list", domains.List, partial(domains.list_domains, registered)),
            Method("domain.check", domains.Check, partial(domains.check, registered)),
            Method("domain.getdomainprice", registrations.Price, registrar.price),
            Method("domain.create", registrations.Create, registrar.create),
            Method("domain.update", registrations.Update, registrar.update),
            Method("domain.transfer", transfers.Transfer, moves.transfer),
            Method("domain.transfercancel", transfers.Cancel, moves.cancel),
            Method("contact.create", contacts.Create, registrar.contacts.create),
            Method("accounting.accountBalance", Params, registrar.balance),
        ]
        self._methods = {method.name.lower(): method for method in methods}

    def method(self, name: str) -> Method | None:
        """The method of this name, in whatever case."""
        return self._methods.get(name.lower())

    def call(self, method: Method, params: dict[str, Any], token: str | None) -> Reply:
        """Do it; whatever INWX refuses is a reply too."""
        try:
            if method.work is None:
                return self._about_session(method, params, token)
            account = self.accounts.caller(token, params)
            done = method.work(account, method.params.parse(params))
            return Reply(envelope(*done) if isinstance(done, tuple) else envelope(ResultCode.DONE, done))
        except ApiError as refused:
            return Reply(refused.envelope)

    def _about_session(self, method: Method, params: dict[str, Any], token: str | None) -> Reply:
        match method.name:
            case "account.login":
                started, account = self.accounts.login(Credentials.parse(params))
                return Reply(envelope(ResultCode.DONE, _numbers(account)), token=started)
            case "account.unlock":
                self.accounts.unlock(token, Unlock.parse(params).tan)
                return Reply(envelope(ResultCode.DONE))
            case _:
                if self.accounts.session(token) is None:
                    raise ApiError(ResultCode.USE_ERROR)
                self.accounts.end(token)
                return Reply(envelope(ResultCode.DONE_SESSION_ENDED, {}))


def _numbers(account: Account) -> dict[str, Any]:
    return {
        "customerId": 20_000 + account.customer,
        "customerNo": 120_000 + account.customer,
        "accountId": 71_000 + account.customer,
        "tfa": account.second_factor,
    }


def _check_account(account: Account, _: Params) -> dict[str, Any]:
    return {"user": account.user}


def _account_info(account: Account, _: Params) -> dict[str, Any]:
    return {
        **_numbers(account),
        "username": account.user,
        "currency": "EUR",
        "defaultRenewalMode": "AUTORENEW",
        "notificationQueue": 0,
    }
