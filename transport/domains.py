"""Consultation domains that one service has: a client of a WebSocket chooses with `?domain=NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transport.errors import RefusedError
from transport.key_words import KeyWords
from transport.settings import SessionSettings


@dataclass(frozen=True, slots=True)
class Domain:
    """One of them."""

    name: str
    title: str  # as users see it
    settings: SessionSettings  # that its sessions begin with
    names: tuple[str, ...] = ()  # words that no listener may miss


class Domains:
    """All of them; the first is for clients that choose none."""

    def __init__(self, domains: Sequence[Domain]) -> None:
        """At least one."""
        self.default, *_ = domains
        self._domains = {domain.name: domain for domain in domains}
        self._key_words = {domain.name: KeyWords(domain.names) for domain in domains}

    def chosen(self, name: str | None) -> Domain:
        """Return the domain that a client asks for. Raises RefusedError for one that is not here."""
        if name is None:
            return self.default
        if name not in self._domains:
            known = ", ".join(self._domains)
            raise RefusedError(
                404, f"there is no domain {name!r} here; there are: {known}", code="unknown_domain"
            )
        return self._domains[name]

    def key_words(self, domain: Domain) -> KeyWords:
        """Return the words of a domain that leave first on a slow link."""
        return self._key_words[domain.name]

    def settings(self, domain: Domain, issued: SessionSettings | None) -> SessionSettings:
        """Return what a session begins with; `issued`: with the client's secret, under the default domain.

        Instructions that the client's own server gave stay.
        """
        if issued is None:
            return domain.settings
        if issued.instructions != self.default.settings.instructions:
            return issued
        return replace(issued, instructions=domain.settings.instructions)
