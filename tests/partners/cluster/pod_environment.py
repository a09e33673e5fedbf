"""What a container sees of its pod: variables, mounted volumes, the names of its peers.

A container here is a process on this machine, with the machine's files and its one loopback network. So three things
are rewritten in its variables, command, arguments and working folder:

* a path below one of its mounts becomes one below the pod's own folder; paths below the cluster's `host_paths` stay;
* `NAME.SUBDOMAIN[.NAMESPACE[.svc[.cluster.local]]]:PORT`, where SUBDOMAIN is the pod's own, becomes `127.0.0.1:FREE`,
  with one free port for each name and port;
* `python` as the first word becomes the interpreter that runs the tests.
"""

import base64
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.kinds import CONFIG_MAPS, SECRETS, Kind
from cluster.objects import Json, at, name_of, namespace_of, uid_of
from cluster.quantities import amount
from cluster.storage import Storage

REFERENCE: Final = re.compile(r"\$(?:\$|\(([^)]+)\))")
PATHS: Final = r"[\w.@%+~-]"


class ConfigMissing(Exception):
    """A secret or config map that the container wants is not there."""


class MountFailed(Exception):
    """A volume cannot be had."""


class Names:
    """The addresses of peers, on one loopback network."""

    def __init__(self) -> None:
        self._ports: dict[tuple[str, ...], int] = {}

    def port(self, *peer: str) -> int:
        """The free port that stands for a peer's port."""
        if peer not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[peer] = probe.getsockname()[1]
        return self._ports[peer]

    def rewrite(self, text: str, pod: Json) -> str:
        """The text with the names of the pod's peers replaced."""
        subdomain, namespace = pod["spec"].get("subdomain"), namespace_of(pod)
        if not subdomain:
            return text
        ending = rf"(?:\.{re.escape(namespace)}(?:\.svc(?:\.cluster\.local)?)?)?"
        pattern = rf"(?<![\w.-])([a-z0-9][a-z0-9-]*)\.{re.escape(subdomain)}{ending}:(\d+)"
        return re.sub(pattern, lambda m: f"127.0.0.1:{self.port(namespace, subdomain, m[1], m[2])}", text)


@dataclass(frozen=True)
class Mounts:
    """Where a container's paths are on this machine."""

    places: Mapping[str, Path]
    kept: Sequence[Path]

    def rewrite(self, text: str) -> str:
        """The text with the container's paths replaced."""
        if not self.places:
            return text
        known = "|".join(re.escape(place) for place in sorted(self.places, key=len, reverse=True))
        pattern = re.compile(rf"(?<!{PATHS})(?<!/)({known})(?!{PATHS})")

        def here(match: re.Match[str]) -> str:
            if any(text.startswith(str(path), match.start()) for path in self.kept):
                return match[0]
            return str(self.places[match[1]])

        return pattern.sub(here, text)


class Surroundings:
    """Everything that one pod's containers need to start."""

    def __init__(self, storage: Storage, names: Names, folder: Path, kept: Sequence[Path]) -> None:
        self._storage = storage
        self._names = names
        self._folder = folder
        self._kept = kept

    def mounts(self, pod: Json, container: Json) -> Mounts:
        """The container's volumes, made and filled."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        places = {}
        for mount in container.get("volumeMounts", []):
            place = self._volume(pod, volumes[mount["name"]]) / mount.get("subPath", "")
            place.mkdir(parents=True, exist_ok=True)
            places[mount["mountPath"].rstrip("/")] = place
        message = self._folder / "messages" / container["name"]
        message.parent.mkdir(parents=True, exist_ok=True)
        places[container["terminationMessagePath"]] = message
        return Mounts(places, self._kept)

    def environment(self, pod: Json, container: Json, mounts: Mounts) -> dict[str, str]:
        """The container's variables."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            for name, text in self._all_of(pod, source):
                found[f"{source.get('prefix', '')}{name}"] = text
        for variable in container.get("env", []):
            value = self._value(pod, container, variable, found)
            if value is not None:
                found[variable["name"]] = value
        return {name: self.localised(pod, value, mounts) for name, value in found.items()}

    def command(self, pod: Json, container: Json, environment: Mapping[str, str], mounts: Mounts) -> list[str]:
        """The container's command line."""
        words = [*container.get("command", []), *container.get("args", [])]
        words = [self.localised(pod, expanded(word, environment), mounts) for word in words]
        return [sys.executable if words[0] in {"python", "python3"} else words[0], *words[1:]] if words else []

    def working_folder(self, pod: Json, container: Json, mounts: Mounts) -> Path:
        """Where the container starts."""
        asked = container.get("workingDir")
        folder = Path(self.localised(pod, asked, mounts)) if asked else self._folder / "root"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def localised(self, pod: Json, text: str, mounts: Mounts) -> str:
        """A text of the container's as it means something on this machine."""
        return self._names.rewrite(mounts.rewrite(text), pod)

    def _volume(self, pod: Json, volume: Json) -> Path:
        if "hostPath" in volume:
            return Path(str(volume["hostPath"]["path"]))
        folder: Path = self._folder / "volumes" / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        if "secret" in volume:
            self._fill(folder, pod, volume, SECRETS, "secret", "secretName")
        elif "configMap" in volume:
            self._fill(folder, pod, volume, CONFIG_MAPS, "configMap", "name")
        elif "emptyDir" not in volume:
            raise MountFailed(f'the test partner does not have the kind of volume "{volume["name"]}"')
        return folder

    def _fill(self, folder: Path, pod: Json, volume: Json, kind: Kind, field: str, key: str) -> None:
        name = volume[field].get(key, "")
        found = self._storage.find(kind, namespace_of(pod), name)
        if found is None and not volume[field].get("optional"):
            words = f'{kind.plural[:-1]} "{name}" not found'
            raise MountFailed(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {words}')
        for entry, value in _entries(found or {}):
            (folder / entry).write_text(value, encoding="utf-8")

    def _all_of(self, pod: Json, source: Json) -> Iterator[tuple[str, str]]:
        for field, kind in (("secretRef", SECRETS), ("configMapRef", CONFIG_MAPS)):
            if field in source:
                name = source[field].get("name", "")
                found = self._storage.find(kind, namespace_of(pod), name)
                if found is None and not source[field].get("optional"):
                    raise ConfigMissing(f'{kind.plural[:-1]} "{name}" not found')
                yield from _entries(found or {})

    def _value(self, pod: Json, container: Json, variable: Json, before: Mapping[str, str]) -> str | None:
        source = variable.get("valueFrom")
        if source is None:
            return expanded(variable.get("value", ""), before)
        if "fieldRef" in source:
            return field_of(pod, source["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in source:
            return _resource(container, source["resourceFieldRef"])
        field, kind = ("secretKeyRef", SECRETS) if "secretKeyRef" in source else ("configMapKeyRef", CONFIG_MAPS)
        return self._one_of(pod, kind, source[field])

    def _one_of(self, pod: Json, kind: Kind, reference: Json) -> str | None:
        found = self._storage.find(kind, namespace_of(pod), reference["name"])
        entries = dict(_entries(found or {}))
        if reference["key"] in entries:
            return entries[reference["key"]]
        if reference.get("optional"):
            return None
        if found is None:
            raise ConfigMissing(f'{kind.plural[:-1]} "{reference["name"]}" not found')
        raise ConfigMissing(
            f"couldn't find key {reference['key']} in {kind.kind} {namespace_of(pod)}/{reference['name']}"
        )


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` replaced where the name is known, `$$` by `$`."""
    return REFERENCE.sub(lambda m: "$" if m[1] is None else environment.get(m[1], m[0]), text)


def field_of(pod: Json, path: str) -> str:
    """What the downward API says of a pod."""
    if match := re.fullmatch(r"metadata\.(annotations|labels)\['([^']+)'\]", path):
        return str(at(pod, "metadata", *match.groups(), default=""))
    fields = {
        "metadata.name": name_of(pod), "metadata.namespace": namespace_of(pod), "metadata.uid": uid_of(pod),
        "spec.nodeName": pod["spec"].get("nodeName", ""), "spec.serviceAccountName": pod["spec"]["serviceAccountName"],
    }  # fmt: skip
    return str(fields.get(path, "127.0.0.1"))


def _resource(container: Json, reference: Json) -> str:
    group, _, name = reference["resource"].partition(".")
    value = amount(at(container, "resources", group, name, default="0")) / amount(reference.get("divisor", "1"))
    return str(-int(-value // 1))


def _entries(thing: Json) -> Iterator[tuple[str, str]]:
    for key, value in (thing.get("data") or {}).items():
        yield key, base64.b64decode(value).decode() if thing["kind"] == "Secret" else value
