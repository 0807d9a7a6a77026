"""The flows with where each ends and the fail points that it is killed at; together they pass every one of the program.

A fail point that no way names, and a name that is none any more, fail `test_kill_everywhere`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.states import MailStatus
from tests.agent import coming_in, decisions, flows, outside, tidings, troubles
from tests.agent.flows import Flow

A, D, R, T = "agent/approval.py", "agent/delivery.py", "agent/run.py", "agent/triage.py"
E, P = "agent/entering.py", "agent/people.py"


@dataclass(frozen=True)
class Way:
    flow: Flow
    ends: MailStatus
    """Of the mail, wherever the process was killed."""
    replies: int
    own: frozenset[str]
    """The fail points that this way is killed at, before and after."""


def _way(flow: Flow, ends: MailStatus, replies: int, *own: str) -> Way:
    return Way(flow, ends, replies, frozenset(own))


_S = MailStatus
WAYS: dict[str, Way] = {
    "suppressed": _way(
        decisions.suppressed,
        _S.PERSON,
        0,
        "agent/suppress_commands.py put 1",
        "agent/suppress_commands.py take_out 1",
    ),
    "escalated": _way(
        tidings.escalated,
        _S.WAITING,
        0,
        "agent/noticing.py _note 1",
        "agent/noticing.py word 1",
        "agent/noticing.py remind 1",
        "agent/noticing.py _finish 1",
        "agent/store/notices.py claim 1",
        "agent/canary.py _release 1",
        "agent/canary.py _alarm 1",
    ),
    "tripped": _way(tidings.tripped, _S.WAITING, 0, "agent/breaker.py turn 1", "agent/noticing.py tell_breaker 1"),
    "answered_by_mail": _way(
        tidings.answered_by_mail,
        _S.ANSWERED,
        1,
        "agent/answering.py ask_people 1",
        "agent/by_hand.py write 1",
        f"{T} _answered 1",
    ),
    "rejected": _way(decisions.rejected, _S.PERSON, 0, f"{A} reject 1"),
    "edited": _way(
        decisions.edited, _S.ANSWERED, 1, f"{A} edit 1", f"{A} approve 1", "agent/store/mails.py accept_all 1"
    ),
    "taken_back": _way(decisions.taken_back, _S.WAITING, 0, "agent/undo.py undo 1"),
    "noted": _way(decisions.noted, _S.WAITING, 0, "agent/handling.py _changed 1"),
    "closed": _way(decisions.closed, _S.CLOSED, 0, "agent/closing.py close 1"),
    "pruned": _way(flows.pruned, _S.ANSWERED, 1, "agent/retention.py prune 1"),
    "cancelled": _way(decisions.cancelled, _S.PERSON, 0, "agent/closing.py cancel_run 1"),
    "begun_again": _way(decisions.begun_again, _S.WAITING, 0, "agent/closing.py retry 1"),
    "joined": _way(flows.joined, _S.JOINED, 0, f"{T} _start 1"),
    "expired": _way(flows.expired, _S.PERSON, 0, f"{R} expire 1"),
    "deferred": _way(troubles.deferred, _S.ANSWERED, 1, f"{D} StoredOutbox._finish 1"),
    "interrupted": _way(troubles.interrupted, _S.ANSWERED, 1, f"{D} StoredOutbox._claimed 1"),
    "doubtful": _way(
        troubles.doubtful, _S.ANSWERED, 1, "agent/switch.py resolve 1", f"{D} StoredOutbox.begin_attempt 1"
    ),
    "forgotten": _way(
        decisions.forgotten, _S.CLOSED, 0, "agent/forgetting.py forget 1", "agent/forgetting.py _forget 1"
    ),
    "told": _way(tidings.told, _S.ANSWERED, 1, "agent/reported.py _note 1"),
    "recorded": _way(flows.recorded, _S.RECORDED, 0, "agent/recording.py record 1"),
    "quarantined": _way(flows.quarantined, _S.QUARANTINED, 0, f"{T} _quarantine 1"),
    "duplicate": _way(flows.duplicate, _S.DUPLICATE, 1, f"{T} _start 1"),
    "paused": _way(flows.paused, _S.ANSWERED, 1, "agent/switch.py pause 1", "agent/switch.py resume 1"),
    "judged_anew": _way(decisions.judged_anew, _S.WAITING, 0, f"{A} rejudge 1"),
    "model_away_while_reading": _way(troubles.model_away_while_reading, _S.ANSWERED, 1, f"{T} _understood 1"),
    "model_away_in_a_run": _way(
        troubles.model_away_in_a_run, _S.ANSWERED, 1, f"{R} _wait_for_model 1", f"{R} _open 1", f"{R} _close 1"
    ),
    "dns_away": _way(troubles.dns_away, _S.ANSWERED, 1, f"{T} _triaged 1"),
    "sifted": _way(troubles.sifted, _S.CLOSED, 0, f"{T} _sifted 1", f"{T} _sifted 2"),
    "given_up_while_reading": _way(
        troubles.given_up_while_reading, _S.QUARANTINED, 0, f"{T} bury 1", "agent/worker.py Worker._later 1"
    ),
    "given_up_in_a_run": _way(troubles.given_up_in_a_run, _S.PERSON, 0, f"{R} bury 1"),
    "kept_up": _way(troubles.kept_up, _S.ANSWERED, 1, "agent/store/jobs.py extend 1", "agent/store/jobs.py claim 1"),
    "vanished": _way(troubles.vanished, _S.RECEIVED, 0, f"{T} triage 1"),
    "written_by_hand": _way(decisions.written_by_hand, _S.ANSWERED, 1, "agent/by_hand.py write 1"),
    "passed_on": _way(decisions.passed_on, _S.WAITING, 0, "agent/passing_on.py pass_on 1"),
    "found_right": _way(decisions.found_right, _S.ANSWERED, 1, "agent/verdicts.py say 1"),
    "taught": _way(decisions.taught, _S.WAITING, 0, "agent/entries.py save 1"),
    "invited": _way(
        coming_in.came_in,
        _S.WAITING,
        0,
        f"{P} owner_token 1",
        f"{P} invite 1",
        f"{P} reset 1",
        f"{P} settle 1",
    ),
    "administered": _way(
        coming_in.came_in,
        _S.WAITING,
        0,
        f"{P} give 1",
        f"{P} disable 1",
        f"{P} enable 1",
        f"{P} stand_in 1",
        "agent/views.py keep 1",
        "agent/views.py drop 1",
    ),
    "with_codes": _way(
        coming_in.came_in,
        _S.WAITING,
        0,
        f"{P} set_password 1",
        f"{P} begin_codes 1",
        f"{P} confirm_codes 1",
        f"{P} drop_codes 1",
    ),
    "came_in": _way(
        coming_in.came_in,
        _S.WAITING,
        0,
        f"{E} _counted 1",
        f"{E} _second 1",
        f"{E} _begin 1",
        f"{E} leave 1",
        "agent/web/session.py Sessions.load 1",
    ),
    "answered": _way(
        outside.answered,
        _S.ANSWERED,
        1,
        "agent/extract.py extract model.respond 1",
        "agent/run.py work model.respond 1",
        "outbound/sender.py _deliver courier.deliver 1",
        "inbound/dkim_check.py _one resolver.txt 1",
        "inbound/dmarc.py policy resolver.txt 1",
        "inbound/dmarc.py policy resolver.txt 2",
        "inbound/authentication.py _Timed.txt resolver.txt 1",
        "inbound/authentication.py _Timed.a resolver.a 1",
        "inbound/authentication.py _Timed.mx resolver.mx 1",
        "inbound/authentication.py _Timed.ptr resolver.ptr 1",
    ),
    "over_ipv6": _way(outside.over_ipv6, _S.ANSWERED, 1, "inbound/authentication.py _Timed.aaaa resolver.aaaa 1"),
    "forwarded": _way(
        outside.forwarded,
        _S.ANSWERED,
        1,
        "inbound/arc.py _check_message_signature resolver.txt 1",
        "inbound/arc.py _check_seal resolver.txt 1",
    ),
    "looked_up": _way(outside.looked_up, _S.WAITING, 0, "agent/lookups.py Lookups._ask client.stream 1"),
    "asked_about": _way(outside.asked_about, _S.ANSWERED, 1, "inbound/rspamd.py Rspamd._ask client.stream 1"),
    "told_in_a_chat": _way(
        outside.told_in_a_chat,
        _S.WAITING,
        0,
        "agent/noticing.py _to_chat client.post 1",
        "agent/noticing.py _by_mail courier.deliver 1",
    ),
    "fetched": _way(
        outside.fetched,
        _S.ANSWERED,
        1,
        "inbound/webhooks/fetching.py mail_of fetcher.get 1",
        "inbound/webhooks/fetching.py mail_of fetcher.get 2",
    ),
    "stored_elsewhere": _way(
        outside.stored_elsewhere,
        _S.ANSWERED,
        1,
        "inbound/webhooks/door.py WebhookDoor._receive fetcher.get 1",
        "inbound/webhooks/door.py WebhookDoor._certificate fetcher.get 1",
        "inbound/webhooks/fetching.py _from_s3 fetcher.get 1",
    ),
}
