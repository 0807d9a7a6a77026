"""The real process, asked to stop while mail comes in."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from tests.agent.test_serve_process import configure, send, serving, stored


async def test_what_was_acknowledged_is_there_after_sigterm(tmp_path: Path) -> None:
    """It ends with 0 while forty peers deliver: each heard 250 and is stored once, or heard no 250 and comes again."""
    config, port = configure(tmp_path)
    acknowledged: dict[int, str] = {}
    with serving(config) as process:
        threads = [threading.Thread(target=send, args=(port, n, acknowledged)) for n in range(40)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 5 and any(thread.is_alive() for thread in threads):
            threads[0].join(0.005)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert process.wait(timeout=30) == 0
    assert len(acknowledged) >= 5
    found = await stored(tmp_path)
    for number, mail_id in acknowledged.items():
        assert [mail.id for mail in found[f"a{number}@customer.example"]] == [mail_id]
    log = (tmp_path / "serve.log").read_text()
    assert "level=error" not in log
    assert "Traceback" not in log
