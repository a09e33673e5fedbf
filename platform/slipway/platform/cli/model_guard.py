"""`slipway model guard`: aliases that were set, moved or deleted by hand are put back, or accepted."""

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from slipway.platform.cli.alive import Alive, touch
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from slipway.platform.registry.guard import Guard, Looked
    from slipway.platform.registry.webhook import Listener
    from slipway.platform.settings import Loaded

LISTEN: Final = "127.0.0.1:8093"
SECRET: Final = "SLIPWAY_MLFLOW__WEBHOOK_SECRET"  # noqa: S105 - a variable's name
PRIVATE: Final = (
    "For an address that begins with http:, or lies in a private network, MLflow's server wants "
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https and MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true."
)
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
HIGHEST: Final = 65535


def guard(
    *,
    once: Annotated[bool, typer.Option("--once", help="Look at all models once, and end.")] = False,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help=f"Where MLflow's webhooks come in [default: {LISTEN} with a secret]."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How often all models are looked at.")] = 30,
    webhook_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="How MLflow reaches that port [default: the port itself, where MLflow is here, too]."
        ),
    ] = None,
    alive: Alive = None,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Make the aliases `champion` and `challenger` in MLflow equal to the ledger, now and from here on.

    What somebody sets, moves or deletes by hand is put back, with the reason on the version; a champion that has its
    verdict and approvals is accepted. Needs a key of a guard-service. Any number of these at once are harmless. Exit
    code of --once: 1 where MLflow cannot be made to show what the ledger says.
    """
    loaded = load_settings()
    if dry_run or once:
        if listen or webhook_url:
            raise WrongUse("With --once or --dry-run nobody listens.", mend="Leave --listen and --webhook-url out.")
        _look_once(loaded, dry_run=dry_run, json=json, yes=yes)
        return
    _watch(loaded, listen, webhook_url, every, alive, json=json, yes=yes)


def _look_once(loaded: "Loaded", *, dry_run: bool, json: bool, yes: bool) -> None:
    if not dry_run:
        confirm_change(loaded, "make MLflow's aliases equal to the ledger", yes)
    with _opened(loaded) as guard:
        found = guard.all(dry_run=dry_run)
    if json:
        print_json([as_data(one) for one in found])
    else:
        for one in found:
            _print(one)
            for sentence in filter(None, (*one.lost, one.trouble)):
                say(sentence)
        if not any(one.deeds or one.trouble for one in found):
            models = "1 model" if len(found) == 1 else f"{len(found)} models"
            typer.echo(f"{models} looked at; nothing {'would be' if dry_run else 'was to be'} done.")
    raise typer.Exit(1 if any(one.lost or one.trouble or not (one.settled or dry_run) for one in found) else 0)


def _watch(
    loaded: "Loaded", listen: str | None, url: str | None, every: float, alive: "Path | None", *, json: bool, yes: bool
) -> None:
    import signal
    from contextlib import ExitStack
    from functools import partial

    from slipway.platform.registry.guard_watch import Watch

    place = _place_to_listen(loaded, listen, url)
    confirm_change(loaded, "keep MLflow's aliases equal to the ledger", yes)
    with _opened(loaded) as guard:
        signer = guard.signer()  # without a key that may sign, nothing could be put back
    watch = Watch(partial(_opened, loaded), every, _printer(json=json), beat=partial(touch, alive))
    with ExitStack() as leaving:
        where = "no webhooks"
        if place is not None:
            listener = leaving.enter_context(_listening(loaded, place, watch.wake))
            where = f"webhooks come in on {place[0]}:{listener.port}"
            watch.connect = _connecting(loaded, place[0], listener.port, url)
        say(f"Guarding as {signer.person.name}: all models every {every:g} s, {where}. Ctrl-C ends it.")
        before = signal.signal(signal.SIGTERM, lambda *_: watch.stop())
        leaving.callback(signal.signal, signal.SIGTERM, before)
        watch.run()


def _place_to_listen(loaded: "Loaded", listen: str | None, url: str | None) -> tuple[str, int] | None:
    """Host and port; nowhere without a secret that webhooks are signed with."""
    if loaded.settings.mlflow.webhook_secret is None:
        if listen or url:
            raise WrongUse(
                "Webhooks are believed only when they are signed, and there is no secret for that.",
                mend=f"export {SECRET}=$(openssl rand -hex 32)   # the same for every guard of this context",
            )
        return None
    host, _, port = (listen or LISTEN).rpartition(":")
    if not host or not port.isdecimal() or int(port) > HIGHEST:
        raise WrongUse(f"`{listen}` is no HOST:PORT.", mend=f"Such as {LISTEN}; port 0 means any that is free.")
    return host.strip("[]"), int(port)


def _listening(
    loaded: "Loaded", place: tuple[str, int], wake: "Callable[[str], None]"
) -> "AbstractContextManager[Listener]":
    import threading
    import time
    from contextlib import contextmanager

    from slipway.platform.registry.webhook import Listener, Receiver

    @contextmanager
    def opened() -> "Iterator[Listener]":
        secret = loaded.settings.mlflow.webhook_secret
        receiver = Receiver(secret.get_secret_value() if secret else "", time.time)
        try:
            listener = Listener(place, receiver, wake)
        except OSError as error:
            raise WrongUse(
                f"Nobody can listen on {place[0]}:{place[1]}: {error.strerror or error}.",
                mend="--listen HOST:PORT names another place; port 0 means any that is free.",
            ) from None
        thread = threading.Thread(target=listener.serve_forever, name="slipway-webhooks", daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            listener.server_close()
            thread.join()

    return opened()


def _connecting(loaded: "Loaded", host: str, port: int, url: str | None) -> "Callable[[], None] | None":
    """Tells MLflow where to send its webhooks, where somebody can be told and it is known how they come here."""
    from slipway.platform.registry.mlflow import open_registry
    from slipway.platform.registry.mlflow_api import MLflowApi
    from slipway.platform.runs.tracking.tracker import TrackingRefused

    settings = loaded.settings.mlflow
    secret = settings.webhook_secret
    here = urlsplit(settings.tracking_uri).hostname in LOOPBACK and host in LOOPBACK
    wanted = url or (f"http://{f'[{host}]' if ':' in host else host}:{port}/" if here else None)
    if wanted is None or secret is None or not settings.tracking_uri.startswith("http"):
        return None

    def connect() -> None:
        registry = open_registry(settings, loaded.root)
        try:
            if isinstance(registry, MLflowApi):
                registry.ensure_webhook(wanted, secret.get_secret_value())
        except TrackingRefused as error:
            raise SlipwayError(str(error), mend=PRIVATE) from None
        finally:
            registry.close()

    return connect


def _opened(loaded: "Loaded") -> "Guard":
    from slipway.platform.registry.desk import Desk
    from slipway.platform.registry.guard import Guard

    return Guard.of(Desk.of(loaded))


def _printer(*, json: bool) -> "Callable[[Looked], None]":
    import json as writer

    def line(looked: "Looked") -> None:
        typer.echo(writer.dumps(as_data(looked), ensure_ascii=False))

    return line if json else _print


def _print(looked: "Looked") -> None:
    for deed in looked.deeds:
        typer.echo(f"{looked.model}: {deed.told}")


def as_data(looked: "Looked") -> dict[str, Any]:
    """What came of a look, for scripts."""
    deeds = [
        {"kind": one.kind, "alias": one.alias, "found": one.found, "wanted": one.wanted, "why": one.why}
        for one in looked.deeds
    ]
    return {
        "model": looked.model,
        "deeds": deeds,
        "lost": list(looked.lost),
        "settled": looked.settled,
        "trouble": looked.trouble,
    }
