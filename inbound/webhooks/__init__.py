"""Mail that inbound providers post: one file a provider, one shape (`agent.webhook_door` serves them).

A provider's file gives `verify(request, secrets, now)`, which proves that the provider sent the request, and
`parse(request)`, which gives the mails in it. A signature proves the relay, never the author.
"""
