"""The version that rows carry, so that a later release knows who wrote them."""

VERSION = "0.1.0"
