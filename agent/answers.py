"""What a tool call is answered with: one JSON object that says whether it succeeded."""

from __future__ import annotations

import json
from typing import Any


def tool_output(*, success: bool, **more: Any) -> str:
    """The JSON that a tool call is answered with."""
    return json.dumps({"success": success, **more}, ensure_ascii=False)
