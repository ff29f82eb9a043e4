"""Builds the images that have changed, pushes them, and lists them."""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind.blueprint import Component
from tradewind.config import Tradewind
from tradewind.config.problems import nearest
from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import Build, Builder
from tradewind.images.context import DOCKERFILE, Context
from tradewind.images.dockerfile import Recipe
from tradewind.images.sbom import bill
from tradewind.images.verify import Checked, check

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""Maps the architectures of the configuration to the platform names of builders."""


@dataclass(frozen=True)
class Image:
    """The image of one component for the current inputs, which name it (``key``, ``tag``), built or not.

    ``id``: the ``sha256:…`` of the image on this machine; None if it is not built.
    """

    component: Component
    key: str
    tag: str
    id: str | None

    def as_dict(self) -> dict[str, str | bool | None]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {
            "component": self.component.value,
            "key": self.key,
            "tag": self.tag,
            "id": self.id,
            "built": self.id is not None,
        }


class Images:
    """The images of one tenant, on one machine.

    Args:
        tradewind: the configuration.
        folder: the folder of the configuration: the customer's files are relative to it.
        scratch: a folder for build contexts.
        builder: the program that builds.
        architecture: ``arm64`` or ``x86_64``; this machine's, if None.
    """

    def __init__(
        self, tradewind: Tradewind, folder: Path, scratch: Path, builder: Builder, architecture: str | None = None
    ) -> None:
        self._tenant = tradewind.tenant
        self._base = tradewind.images.base
        self._context = Context.of(folder, tradewind.images.requirements, tradewind.images.packages)
        self._scratch = scratch
        self._builder = builder
        self._platform = PLATFORMS[architecture or this_architecture()]
        self._recipe = Recipe.parse(next(self._context.read(DOCKERFILE))[1].decode())
        self._base_digest = ""

    def image(self, component: Component) -> Image:
        """The image of a component for the current inputs. Pulls the base image if this machine does not have it."""
        self._base_digest = self._base_digest or self._digest_of_base()
        given = {"base": self._base_digest, "platform": self._platform}
        key = self._recipe.key(component.value, self._context.read, given)
        tag = f"localhost/{self._tenant}/{component.value}:{key}"
        return Image(component, key, tag, self._builder.find(tag))

    def _digest_of_base(self) -> str:
        try:
            return self._builder.base_digest(self._base)
        except TradewindError as error:
            if error.hint:
                raise
            raise error.or_else(
                "set `images.base` to an image that this machine can reach, such as one of a mirror"
            ) from None

    def is_here(self, image: str) -> bool:
        """Whether an image is on this machine, by its id or its name."""
        return self._builder.find(image) is not None

    def build(self, image: Image, *, fresh: bool = False) -> Iterator[str]:
        """Build one image, and yield the output line by line. Skips an image that is built, unless ``fresh``."""
        if image.id and not fresh:
            return
        context = self._scratch / "context"
        self._context.write(context, self._recipe.files(image.component.value))
        # The same content must keep its digest, so no label changes without the content, as a commit would. All images
        # have the same labels: builders also label intermediate stages, and the history of an image names these.
        labels = {
            "org.opencontainers.image.base.name": self._base,
            "org.opencontainers.image.base.digest": self._base_digest,
        }
        with _secrets(os.environ) as secrets:
            yield from self._builder.build(
                Build(
                    context,
                    DOCKERFILE,
                    image.component.value,
                    image.tag,
                    self._base,
                    self._platform,
                    labels,
                    secrets,
                    fresh,
                )
            )

    def built(self, component: Component) -> str:
        """The id of a built image. TradewindError if it is not built from the current inputs."""
        return _built(self.image(component))

    def check(self, component: Component) -> Checked:
        """Check a built image from the inside."""
        return check(component.value, self.built(component), self._builder)

    def bill(self, component: Component) -> str:
        """The bill of materials of a built image."""
        return bill(self.built(component), self._builder)

    def push(self, image: Image, registry: str, login: Path | None) -> str:
        """Copy a built image to ``registry``; return its reference there, by digest."""
        _built(image)
        repository = f"{registry}/{self._tenant}/{image.component.value}"
        return f"{repository}@{self._builder.push(image.tag, f'{repository}:{image.key}', login)}"


def _built(image: Image) -> str:
    if not image.id:
        raise TradewindError(
            f"the image {image.component.value} is not built",
            f"this machine has no image {image.tag}",
            f"tradewind images build {image.component.value}",
        )
    return image.id


def components(names: list[str] | None) -> tuple[Component, ...]:
    """The components of these names, or all. TradewindError, with the nearest name, if a name is unknown."""
    known = [component.value for component in Component]
    unknown = [name for name in names or () if name not in known]
    if unknown:
        close = [near for name in unknown if (near := nearest(name, known))]
        raise TradewindError(
            f"there is no image {', '.join(map(repr, unknown))}",
            f"did you mean {', '.join(close)}?" if close else "",
            f"images: {', '.join(known)}",
            code=ExitCode.USAGE,
        )
    return tuple(Component(name) for name in names or known)


def this_architecture() -> str:
    """The architecture of this machine, as the configuration names it."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


@contextlib.contextmanager
def _secrets(environment: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """Files for builders only: certificate authorities of a private network, and a private index with its login."""
    found: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        authorities = environment.get("SSL_CERT_FILE", "")
        if authorities and Path(authorities).is_file():
            found["ca"] = Path(authorities)
        if index := environment.get("UV_DEFAULT_INDEX") or environment.get("PIP_INDEX_URL"):
            found["index"] = Path(folder) / "index"
            found["index"].touch(mode=0o600)
            found["index"].write_text(index)
        yield found
