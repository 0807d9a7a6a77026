"""What DNS says of a domain that sends and receives mail. Asks a `Resolver` and nobody else.

Rules:
- DNS that gives no answer is no finding about the domain: the line is skipped and says so.
- What to publish is given whole, ready to be copied.
- SPF is followed as a receiver follows it: at most 10 lookups (RFC 7208 4.6.4), loops and depth bounded.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from agent.doctor.finding import Finding, fail, ok, skipped, warn
from inbound.contracts import Resolver, ResolverTroubleError
from outbound.dkim import DkimKey

MOST_LOOKUPS = 10
_COUNTED = ("include:", "a", "mx", "ptr", "exists:", "redirect=")


async def asked(about: str, work: Callable[[], Awaitable[Finding]]) -> Finding:
    """The finding, or that DNS gave no answer."""
    try:
        return await work()
    except ResolverTroubleError:
        return skipped(about, "DNS gave no answer; try again")


async def mx(resolver: Resolver, domain: str, hostname: str) -> Finding:
    """Where mail for the domain goes."""
    found = await resolver.mx(domain)
    if not found:
        direct = await resolver.a(domain) or await resolver.aaaa(domain)
        if direct:
            return warn("MX", f"{domain} has none; servers fall back to its address", f"{domain}. IN MX 10 {hostname}.")
        return fail("MX", f"{domain} has none: no mail can come in", f"{domain}. IN MX 10 {hostname}.")
    if found == ["."]:
        return fail("MX", f"{domain} says that it takes no mail (RFC 7505)", f"{domain}. IN MX 10 {hostname}.")
    lost = [one for one in found if not (await resolver.a(one) or await resolver.aaaa(one))]
    if lost:
        return fail("MX", f"{', '.join(lost)} has no address", f"{lost[0]}. IN A (the address of your server)")
    return ok("MX", f"{domain} is served by {', '.join(found)}")


async def spf(resolver: Resolver, domain: str) -> Finding:
    """Whether one record stands there, can be followed, and ends with a word."""
    records = [one for one in await resolver.txt(domain) if re.match(r"v=spf1(?: |\Z)", one, re.IGNORECASE)]
    wanted = f'{domain}. IN TXT "v=spf1 mx -all" (and what your smarthost asks to include)'
    if not records:
        return fail("SPF", f"{domain} has no record: who sends for it cannot be told", wanted)
    if len(records) > 1:
        return fail("SPF", f"{domain} has {len(records)} records, which counts as none (RFC 7208 4.5)", "keep one")
    lookups = await _lookups(resolver, records[0], {domain})
    if lookups > MOST_LOOKUPS:
        return fail(
            "SPF", f"it takes more than {MOST_LOOKUPS} lookups, so that receivers give up on it", "take includes out"
        )
    last = records[0].lower().split()[-1]
    if last in {"+all", "all"}:
        return fail("SPF", "it ends with +all: everybody may send as this domain", "end it with -all")
    if last not in {"-all", "~all"} and not last.startswith("redirect="):
        return warn("SPF", f"it ends with {last}, which refuses nobody", "end it with -all")
    return ok("SPF", f"one record, {lookups} of {MOST_LOOKUPS} lookups, ends with {last}")


async def _lookups(resolver: Resolver, record: str, seen: set[str]) -> int:
    """Lookups that the record takes; stops counting above the limit."""
    count = 0
    for term in record.lower().split()[1:]:
        bare = term.lstrip("+-~?")
        name = bare.partition(":")[0].partition("/")[0]
        if not (bare.startswith(("include:", "exists:", "redirect=")) or name in {"a", "mx", "ptr"}):
            continue
        count += 1
        target = bare.removeprefix("include:") if bare.startswith("include:") else bare.removeprefix("redirect=")
        if bare.startswith(("include:", "redirect=")) and "%" not in target and target not in seen:
            if count > MOST_LOOKUPS or len(seen) > MOST_LOOKUPS:
                return count
            seen.add(target)
            inner = next((one for one in await resolver.txt(target) if one.lower().startswith("v=spf1")), "")
            count += await _lookups(resolver, inner, seen) if inner else 0
    return count


async def dkim(resolver: Resolver, key: DkimKey) -> Finding:
    """Whether the record is that of the key that signs."""
    about = f"DKIM {key.selector}"
    name = f"{key.selector}._domainkey.{key.domain}"
    wanted = f'{name}. IN TXT "{key.record()}" (`postroom dkim show` prints it cut for zone files)'
    records = [one for one in await resolver.txt(name) if "p=" in one]
    if not records:
        return fail(about, f"{name} has no record: replies look forged", wanted)
    if len(records) > 1:
        return fail(about, f"{name} has {len(records)} records", "keep one")
    found, own = _tags(records[0]), _tags(key.record())
    if not found.get("p"):
        return fail(about, "the key was revoked (p= is empty)", wanted)
    if found["p"] != own["p"] or found.get("k", "rsa") != own["k"]:
        return fail(about, "the record is of another key than the one that signs", wanted)
    if "y" in found.get("t", "").split(":"):
        return warn(about, "t=y says that signing is only tried", wanted)
    return ok(about, f"the record is that of the key that signs ({key.algorithm})")


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}


async def dmarc(resolver: Resolver, domain: str) -> Finding:
    """Whether the domain says what to do with forgeries; its own record, or that of a domain above."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        records = [one for one in await resolver.txt(f"_dmarc.{name}") if one.lower().startswith("v=dmarc1")]
        if len(records) > 1:
            return fail("DMARC", f"_dmarc.{name} has {len(records)} records, which counts as none", "keep one")
        if records:
            return _policy(name, _tags(records[0]), of=domain)
    wanted = f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
    return fail("DMARC", f"{domain} has no record; large receivers refuse or mark its mail", wanted)


def _policy(name: str, tags: dict[str, str], *, of: str) -> Finding:
    policy = tags.get("sp", tags.get("p", "")) if name != of else tags.get("p", "")
    if policy not in {"none", "quarantine", "reject"}:
        return fail("DMARC", f"_dmarc.{name} has no policy (p=)", "add p=none, later p=reject")
    if policy == "none":
        return warn("DMARC", f"_dmarc.{name} says p=none: forgeries of your replies are delivered", "later p=reject")
    return ok("DMARC", f"_dmarc.{name} says p={policy}")


async def ptr(resolver: Resolver, hostname: str) -> Finding:
    """Whether the name with which the door greets leads to an address whose name leads back."""
    addresses = [*await resolver.a(hostname), *await resolver.aaaa(hostname)]
    if not addresses:
        return warn("PTR", f"{hostname} has no address", f"{hostname}. IN A (the address of your server)")
    for address in addresses:
        names = [one.rstrip(".").lower() for one in await resolver.ptr(address)]
        if hostname.lower() not in names:
            found = f"leads to {', '.join(names)}" if names else "has no name"
            return warn("PTR", f"{address} {found}, not back to {hostname}", f"set the reverse name to {hostname}")
    return ok("PTR", f"{hostname} and {', '.join(addresses)} lead to each other")
