"""What a model may cost: tokens and money, for a mail, a sender, a mailbox and a day.

Rules:
- Spending is what the servers' own answers said, with the operator's prices, over the last 24 hours, counted in whole
  hours (a mail: ever).
- It is looked at before each call. Over a budget no model is called, and the mail is a person's.
- A budget of 0 is none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.models.base import Usage
from agent.models.settings import BudgetSettings, ModelSettings
from agent.store import spending
from agent.store.database import Database, Tx
from agent.store.spending import Spent

WINDOW = timedelta(hours=24)
SCOPES = ("mail", "sender", "mailbox", "day")


def over(spent: Spent, budget: BudgetSettings, model: ModelSettings) -> str:
    """Which budget is used up, in words; empty where none is. Pure."""
    limits = {
        "mail": (budget.tokens_per_mail, budget.money_per_mail),
        "sender": (budget.tokens_per_sender, budget.money_per_sender),
        "mailbox": (budget.tokens_per_mailbox, budget.money_per_mailbox),
        "day": (budget.tokens_per_day, budget.money_per_day),
    }
    for scope, (tokens, money) in limits.items():
        written, sent = spent.of(scope)
        cost = (sent * model.price_input + written * model.price_output) / 1_000_000
        if tokens and sent + written >= tokens:
            return f"the model's tokens for this {scope} are used up ({sent + written} of {tokens})"
        if money and cost >= money:
            return f"the model's money for this {scope} is used up ({cost:.2f} of {money:g})"
    return ""


async def used_up(
    tx: Tx, budget: BudgetSettings, model: ModelSettings, *, mail_id: str, author: str, mailbox: str, now: datetime
) -> str:
    """`over` by the store. The playbook costs nothing and is not asked about."""
    if model.chosen == "playbook":
        return ""
    spent = await spending.spent(tx, now - WINDOW, mail_id=mail_id, author=author, mailbox=mailbox)
    return over(spent, budget, model)


async def spend(db: Database, tx: Tx, mail_id: str, author: str, mailbox: str, usage: Usage, *, now: datetime) -> None:
    """Count what an answer cost, in the transaction that stores it."""
    await spending.add(
        db,
        tx,
        mail_id=mail_id,
        author=author,
        mailbox=mailbox,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        now=now,
    )
