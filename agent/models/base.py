"""The one protocol behind which every model stands.

Rules:
- A request carries the whole input each turn; nothing is kept at a vendor.
- Items have the shapes of the Responses API; what we do not know is handed back unchanged.
- An answer that is refused, cut off or broken is still an answer: `status` says which, id and usage survive.
- Nothing here trusts an answer. Validation is the caller's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from inbound.contracts import InboundEmailIntent


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Message(Frozen):
    type: Literal["message"] = "message"
    role: Literal["system", "user", "assistant"]
    text: str


class FunctionCall(Frozen):
    type: Literal["function_call"] = "function_call"
    call_id: str
    name: str
    arguments: str
    """JSON text as the model wrote it: may be anything."""


class FunctionOutput(Frozen):
    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str


class Opaque(Frozen):
    """An item of a kind that we do not read (reasoning, say): stored and handed back as it came."""

    type: Literal["opaque"] = "opaque"
    raw: dict[str, Any]


Item = Message | FunctionCall | FunctionOutput | Opaque


class ToolSpec(Frozen):
    name: str
    description: str
    parameters: dict[str, Any]
    """Strict JSON schema: every property required, no defaults, no open maps."""


class MailView(Frozen):
    """The mail as a model may see it: normalised text and facts, never raw MIME.

    Rendered into the request's items for models that read prompts; given as it is to models that do not.
    """

    mail_id: str
    mailbox: str
    author: str
    """From address, canonical, or empty."""
    author_name: str
    authenticated: bool
    subject: str
    text: str
    """What the author says now: without quoted history and signature, hidden text removed."""
    attachments: tuple[str, ...] = ()
    """Safe names only."""
    intent: InboundEmailIntent | None = None
    """Present in a run, where extraction is over."""


class ModelRequest(Frozen):
    purpose: Literal["extract", "run"]
    prompt_version: str
    instructions: str
    items: tuple[Item, ...]
    tools: tuple[ToolSpec, ...] = ()
    """Empty in extraction, whatever the mail says."""
    output_schema: dict[str, Any] | None = None
    mail: MailView


class Usage(Frozen):
    input_tokens: int = 0
    output_tokens: int = 0


class ModelAnswer(Frozen):
    id: str
    model: str
    status: Literal["completed", "incomplete", "refused", "failed"]
    items: tuple[Item, ...] = ()
    usage: Usage = Usage()
    detail: str = ""
    """Why, where status is not `completed`."""

    @property
    def text(self) -> str:
        """All text that the assistant wrote, joined."""
        return "".join(item.text for item in self.items if isinstance(item, Message) and item.role == "assistant")

    @property
    def calls(self) -> tuple[FunctionCall, ...]:
        return tuple(item for item in self.items if isinstance(item, FunctionCall))


class ModelUnavailableError(Exception):
    """The model gave no answer (network, 429, 5xx, timeout). The run tries again later or ends with a person."""

    def __init__(self, reason: str, *, after: timedelta = timedelta()) -> None:
        super().__init__(reason)
        self.after = after
        """How long the server wants to be left alone, where it said so."""


class Model(Protocol):
    name: str

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        """Answer one turn; raises ModelUnavailableError where there is none."""

    async def close(self) -> None: ...
